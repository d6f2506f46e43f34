/** Called now and then while much is read; whoever listens decides whether that is worth showing. */
export type Progress = (done: number, what: "sockets" | "processes") => void;
