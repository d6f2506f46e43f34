/**
 * struct tcp_info (include/uapi/linux/tcp.h) in our words. Every field is optional: an older kernel sends a shorter struct, and "0" and
 * "not reported" are different findings. Kernel times in microseconds keep their unit (`Us`): a round trip of 40 µs is not 0 ms.
 */
export interface TcpInfo {
  readonly congestionState?: number;
  readonly retransmits?: number;
  readonly probes?: number;
  readonly backoff?: number;
  readonly options?: number;
  readonly sendWindowScale?: number;
  readonly receiveWindowScale?: number;
  readonly retransmitTimeoutUs?: number;
  readonly ackTimeoutUs?: number;
  readonly sendMssBytes?: number;
  readonly receiveMssBytes?: number;
  readonly unackedSegments?: number;
  readonly sackedSegments?: number;
  readonly lostSegments?: number;
  readonly retransSegments?: number;
  readonly lastDataSentMs?: number;
  readonly lastDataReceivedMs?: number;
  readonly lastAckReceivedMs?: number;
  readonly pathMtuBytes?: number;
  readonly receiveSsthresh?: number;
  readonly rttUs?: number;
  readonly rttVarianceUs?: number;
  readonly sendSsthresh?: number;
  readonly congestionWindow?: number;
  readonly advertisedMssBytes?: number;
  readonly reordering?: number;
  readonly receiveRttUs?: number;
  readonly receiveSpaceBytes?: number;
  readonly totalRetransSegments?: number;
  readonly pacingRateBytesPerSecond?: number;
  readonly maxPacingRateBytesPerSecond?: number;
  readonly ackedBytes?: number;
  readonly receivedBytes?: number;
  readonly segmentsOut?: number;
  readonly segmentsIn?: number;
  readonly notSentBytes?: number;
  readonly minRttUs?: number;
  readonly dataSegmentsIn?: number;
  readonly dataSegmentsOut?: number;
  readonly deliveryRateBytesPerSecond?: number;
  readonly busyUs?: number;
  readonly receiveWindowLimitedUs?: number;
  readonly sendBufferLimitedUs?: number;
  readonly deliveredSegments?: number;
  readonly deliveredCeSegments?: number;
  readonly sentBytes?: number;
  readonly retransBytes?: number;
  readonly dsackDups?: number;
  readonly reorderingSeen?: number;
  readonly outOfOrderPackets?: number;
  readonly sendWindowBytes?: number;
  readonly receiveWindowBytes?: number;
  readonly rehash?: number;
  readonly totalRto?: number;
  readonly totalRtoRecoveries?: number;
  readonly totalRtoMs?: number;
}
