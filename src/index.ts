/** The public library, one name at a time. */
export { doctor } from "./ask/doctor.ts";
export type { DoctorOptions, DoctorReport } from "./ask/doctor.ts";
export { listSockets } from "./ask/list-sockets.ts";
export type { ListSocketsOptions, SocketListing } from "./ask/list-sockets.ts";
export { why } from "./ask/why.ts";
export type { EndpointInput, WhyOptions } from "./ask/why.ts";
export type { HostOptions, NetnsOption } from "./ask/hosts.ts";
export { ERRORS, PortmortemError, isPortmortemError } from "./base/errors.ts";
export type { ErrorCategory, ErrorCode } from "./base/errors.ts";
export type { Host } from "./host/host.ts";
export type { Attempt } from "./tcp/bind-snapshot.ts";
export type { Container, Incomplete, Owner, Ownerless, Protocol, Family, Socket, SocketTimer } from "./tcp/socket.ts";
export type { SocketState } from "./tcp/states.ts";
export type { TcpInfo } from "./tcp/tcp-info.ts";
export type { Evidence, Finding, FindingLevel } from "./verdict/findings/finding.ts";
export type { Advice, Blocker, BlockerRule, Spared, Why } from "./verdict/why.ts";
