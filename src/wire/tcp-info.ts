/** struct tcp_info as a table: the kernel's names beside ours. A shorter struct than ours is an older kernel's, a longer one a newer's. */
import type { RowActivity } from "../tcp/socket-row.ts";
import type { TcpInfo } from "../tcp/tcp-info.ts";
import { LITTLE_ENDIAN } from "./netlink.ts";
import { defineStruct, offsetOf, sizeOfField } from "./struct.ts";

/** include/uapi/linux/tcp.h, as of 6.18. */
export const tcpInfoStruct = defineStruct({
  name: "tcp_info",
  sizeBytes: 248,
  fields: [
    ["tcpi_state", "u8", 0],
    ["tcpi_ca_state", "u8", 1],
    ["tcpi_retransmits", "u8", 2],
    ["tcpi_probes", "u8", 3],
    ["tcpi_backoff", "u8", 4],
    ["tcpi_options", "u8", 5],
    ["tcpi_snd_wscale", "u8", 6],
    ["tcpi_delivery_rate_app_limited", "u8", 7],
    ["tcpi_rto", "u32", 8],
    ["tcpi_ato", "u32", 12],
    ["tcpi_snd_mss", "u32", 16],
    ["tcpi_rcv_mss", "u32", 20],
    ["tcpi_unacked", "u32", 24],
    ["tcpi_sacked", "u32", 28],
    ["tcpi_lost", "u32", 32],
    ["tcpi_retrans", "u32", 36],
    ["tcpi_fackets", "u32", 40],
    ["tcpi_last_data_sent", "u32", 44],
    ["tcpi_last_ack_sent", "u32", 48],
    ["tcpi_last_data_recv", "u32", 52],
    ["tcpi_last_ack_recv", "u32", 56],
    ["tcpi_pmtu", "u32", 60],
    ["tcpi_rcv_ssthresh", "u32", 64],
    ["tcpi_rtt", "u32", 68],
    ["tcpi_rttvar", "u32", 72],
    ["tcpi_snd_ssthresh", "u32", 76],
    ["tcpi_snd_cwnd", "u32", 80],
    ["tcpi_advmss", "u32", 84],
    ["tcpi_reordering", "u32", 88],
    ["tcpi_rcv_rtt", "u32", 92],
    ["tcpi_rcv_space", "u32", 96],
    ["tcpi_total_retrans", "u32", 100],
    ["tcpi_pacing_rate", "u64", 104],
    ["tcpi_max_pacing_rate", "u64", 112],
    ["tcpi_bytes_acked", "u64", 120],
    ["tcpi_bytes_received", "u64", 128],
    ["tcpi_segs_out", "u32", 136],
    ["tcpi_segs_in", "u32", 140],
    ["tcpi_notsent_bytes", "u32", 144],
    ["tcpi_min_rtt", "u32", 148],
    ["tcpi_data_segs_in", "u32", 152],
    ["tcpi_data_segs_out", "u32", 156],
    ["tcpi_delivery_rate", "u64", 160],
    ["tcpi_busy_time", "u64", 168],
    ["tcpi_rwnd_limited", "u64", 176],
    ["tcpi_sndbuf_limited", "u64", 184],
    ["tcpi_delivered", "u32", 192],
    ["tcpi_delivered_ce", "u32", 196],
    ["tcpi_bytes_sent", "u64", 200],
    ["tcpi_bytes_retrans", "u64", 208],
    ["tcpi_dsack_dups", "u32", 216],
    ["tcpi_reord_seen", "u32", 220],
    ["tcpi_rcv_ooopack", "u32", 224],
    ["tcpi_snd_wnd", "u32", 228],
    ["tcpi_rcv_wnd", "u32", 232],
    ["tcpi_rehash", "u32", 236],
    ["tcpi_total_rto", "u16", 240],
    ["tcpi_total_rto_recoveries", "u16", 242],
    ["tcpi_total_rto_time", "u32", 244],
  ],
});

/** Which of our words each of the kernel's fields is. Those that are absent say nothing a person could use (last_ack_sent is always 0). */
const WORDS: Partial<Record<(typeof tcpInfoStruct)["fields"][number][0], keyof TcpInfo>> = {
  tcpi_ca_state: "congestionState",
  tcpi_retransmits: "retransmits",
  tcpi_probes: "probes",
  tcpi_backoff: "backoff",
  tcpi_options: "options",
  tcpi_rto: "retransmitTimeoutUs",
  tcpi_ato: "ackTimeoutUs",
  tcpi_snd_mss: "sendMssBytes",
  tcpi_rcv_mss: "receiveMssBytes",
  tcpi_unacked: "unackedSegments",
  tcpi_sacked: "sackedSegments",
  tcpi_lost: "lostSegments",
  tcpi_retrans: "retransSegments",
  tcpi_last_data_sent: "lastDataSentMs",
  tcpi_last_data_recv: "lastDataReceivedMs",
  tcpi_last_ack_recv: "lastAckReceivedMs",
  tcpi_pmtu: "pathMtuBytes",
  tcpi_rcv_ssthresh: "receiveSsthresh",
  tcpi_rtt: "rttUs",
  tcpi_rttvar: "rttVarianceUs",
  tcpi_snd_ssthresh: "sendSsthresh",
  tcpi_snd_cwnd: "congestionWindow",
  tcpi_advmss: "advertisedMssBytes",
  tcpi_reordering: "reordering",
  tcpi_rcv_rtt: "receiveRttUs",
  tcpi_rcv_space: "receiveSpaceBytes",
  tcpi_total_retrans: "totalRetransSegments",
  tcpi_pacing_rate: "pacingRateBytesPerSecond",
  tcpi_max_pacing_rate: "maxPacingRateBytesPerSecond",
  tcpi_bytes_acked: "ackedBytes",
  tcpi_bytes_received: "receivedBytes",
  tcpi_segs_out: "segmentsOut",
  tcpi_segs_in: "segmentsIn",
  tcpi_notsent_bytes: "notSentBytes",
  tcpi_min_rtt: "minRttUs",
  tcpi_data_segs_in: "dataSegmentsIn",
  tcpi_data_segs_out: "dataSegmentsOut",
  tcpi_delivery_rate: "deliveryRateBytesPerSecond",
  tcpi_busy_time: "busyUs",
  tcpi_rwnd_limited: "receiveWindowLimitedUs",
  tcpi_sndbuf_limited: "sendBufferLimitedUs",
  tcpi_delivered: "deliveredSegments",
  tcpi_delivered_ce: "deliveredCeSegments",
  tcpi_bytes_sent: "sentBytes",
  tcpi_bytes_retrans: "retransBytes",
  tcpi_dsack_dups: "dsackDups",
  tcpi_reord_seen: "reorderingSeen",
  tcpi_rcv_ooopack: "outOfOrderPackets",
  tcpi_snd_wnd: "sendWindowBytes",
  tcpi_rcv_wnd: "receiveWindowBytes",
  tcpi_rehash: "rehash",
  tcpi_total_rto: "totalRto",
  tcpi_total_rto_recoveries: "totalRtoRecoveries",
  tcpi_total_rto_time: "totalRtoMs",
};

/** ~0 is the kernel's "no limit" (max_pacing_rate) and 0xffffffff its "not yet known" (min_rtt): neither is a number to show. */
const UNKNOWN_U32 = 0xffffffff;
/** tcp_input.c: TCP_INFINITE_SSTHRESH, no threshold found yet. */
const INFINITE_SSTHRESH = 0x7fffffff;
const WINDOW_SCALES_AT = 6;
/** tcpi_options: TCPI_OPT_WSCALE. */
const OPTION_WINDOW_SCALE = 4;

/** As many fields as the kernel sent; the tail of a longer struct is ignored. */
export function decodeTcpInfo(view: DataView, start: number, end: number): TcpInfo {
  const info: Partial<Record<keyof TcpInfo, number>> = {};
  const length = end - start;
  for (const [name, type, offset] of tcpInfoStruct.fields) {
    if (offset + sizeOfField(type) > length) break;
    const word = WORDS[name];
    if (word === undefined) continue;
    const value = readField(view, start + offset, type);
    if (value !== undefined && !(value === INFINITE_SSTHRESH && name === "tcpi_snd_ssthresh")) info[word] = value;
  }
  if (length > WINDOW_SCALES_AT && ((info.options ?? 0) & OPTION_WINDOW_SCALE) !== 0) {
    const scales = view.getUint8(start + WINDOW_SCALES_AT);
    info.sendWindowScale = LITTLE_ENDIAN ? scales & 0xf : scales >> 4;
    info.receiveWindowScale = LITTLE_ENDIAN ? scales >> 4 : scales & 0xf;
  }
  return info;
}

const LAST_DATA_RECEIVED_AT = offsetOf(tcpInfoStruct, "tcpi_last_data_recv");
const LAST_ACK_RECEIVED_AT = offsetOf(tcpInfoStruct, "tcpi_last_ack_recv");

/** These two alone, into a row that is filled again and again. */
export function decodeActivity(activity: RowActivity, view: DataView, start: number, end: number): void {
  const read = (offset: number): number | undefined =>
    end - start >= offset + 4 ? readField(view, start + offset, "u32") : undefined;
  activity.lastDataReceivedMs = read(LAST_DATA_RECEIVED_AT);
  activity.lastAckReceivedMs = read(LAST_ACK_RECEIVED_AT);
}

function readField(view: DataView, at: number, type: string): number | undefined {
  switch (type) {
    case "u8":
      return view.getUint8(at);
    case "u16":
      return view.getUint16(at, LITTLE_ENDIAN);
    case "u32": {
      const value = view.getUint32(at, LITTLE_ENDIAN);
      return value === UNKNOWN_U32 ? undefined : value;
    }
    default: {
      const value = view.getBigUint64(at, LITTLE_ENDIAN);
      return value > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(value);
    }
  }
}
