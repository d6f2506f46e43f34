/** The public library, one name at a time. */
export { doctor } from "./ask/doctor.ts";
export type { DoctorOptions, DoctorReport } from "./ask/doctor.ts";
export { free, planFree } from "./act/free.ts";
export type { FreeOptions, PlanFreeOptions } from "./act/free.ts";
export type {
  ContainerStep,
  DestroyStep,
  DoneStep,
  FreeEndpoint,
  FreePlan,
  FreeRefusal,
  FreeResult,
  FreeStep,
  ReleaseStep,
  SignalStep,
  TreeLine,
  WaitStep,
} from "./tcp/free-plan.ts";
export type { Supervisor } from "./tcp/process-node.ts";
export type { SignalName } from "./tcp/signals.ts";
export { drop } from "./act/drop.ts";
export type { DropOptions } from "./act/drop.ts";
export { waitUntilBindable } from "./act/wait-until-bindable.ts";
export type { WaitOptions } from "./act/wait-until-bindable.ts";
export { reloadRuns } from "./keep/reload-runs.ts";
export type { ReloadRunsOptions } from "./keep/reload-runs.ts";
export type { ReloadedRun, ReloadRunsResult, RunReload } from "./tcp/run-record.ts";
export { keep } from "./keep/keep.ts";
export type { Keeper } from "./keep/keep.ts";
export type { KeepMode, KeepOptions } from "./keep/keep-options.ts";
export type { KeeperEvents, KeepNews, ModeRefusal } from "./keep/keep-news.ts";
export type { KeeperEnd, KeeperEvent, Reload } from "./keep/keeper-events.ts";
export type { KeepEvent, LifeNumber, ReleaseReason } from "./keep/keep-events.ts";
export type { ProgramEnd, SocketPlace } from "./host/keeping.ts";
export { listSockets } from "./ask/list-sockets.ts";
export type { ListSocketsOptions, SocketListing } from "./ask/list-sockets.ts";
export { explain } from "./ask/explain.ts";
export type { ExplainIndex, Explanation } from "./explain/explanation.ts";
export type { Folklore, PageKind, Remedy } from "./explain/page.ts";
export type { Step, Views } from "./tcp/closing-simulation.ts";
export { why } from "./ask/why.ts";
export type { BindOptions, EndpointInput } from "./ask/bind-request.ts";
export type { WhyOptions } from "./ask/why.ts";
export { whyConnect } from "./ask/why-connect.ts";
export type { WhyConnectOptions } from "./ask/why-connect.ts";
export type { HostOptions, NetnsOption } from "./ask/hosts.ts";
export { listRuns } from "./keep/list-runs.ts";
export type { RunsOptions } from "./keep/list-runs.ts";
export { stopRuns } from "./keep/stop-runs.ts";
export type { StopRunsOptions } from "./keep/stop-runs.ts";
export type {
  ListedRun,
  RunList,
  RunMode,
  RunNotFound,
  RunNotStopped,
  RunPort,
  RunState,
  StopRunsResult,
  StoppedRun,
} from "./tcp/run-record.ts";
export { ERRORS, PortmortemError, isPortmortemError } from "./base/errors.ts";
export type { ErrorCategory, ErrorCode } from "./base/errors.ts";
export type { Host } from "./host/host.ts";
export type { Actions } from "./host/actions.ts";
export type { DropWay } from "./tcp/drop-plan.ts";
export type { DropFailure, DropPlan, DropResult, DropSpared, DropStep, PeerPorts } from "./tcp/drop-result.ts";
export type { Attempt } from "./tcp/bind-snapshot.ts";
export type { Container, Incomplete, Owner, Ownerless, Protocol, Family, Socket, SocketTimer } from "./tcp/socket.ts";
export type { SocketState } from "./tcp/states.ts";
export type { TcpInfo } from "./tcp/tcp-info.ts";
export type { SysctlAudit } from "./verdict/audit-sysctls.ts";
export type { Evidence, Finding, FindingLevel } from "./verdict/findings/finding.ts";
export type { Advice, Blocker, BlockerRule, Spared, Why } from "./verdict/why.ts";
export type { ConnectAdvice, ConnectAttempt, PortCounts, WhyConnect } from "./verdict/why-connect.ts";
