/** The lines of `CLUSTER NODES`. Pure. */

export interface SlotRange {
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
}

export interface ClusterNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** e.g. `myself`, `master`, `slave`, `fail?`, `fail`, `handshake`. */
  readonly flags: readonly string[];
  /** Of a replica: the id of its primary. */
  readonly primaryId: string | undefined;
  readonly configEpoch: number;
  readonly isConnected: boolean;
  readonly slots: readonly SlotRange[];
}

export const SLOT_COUNT = 16_384;

function slotRange(text: string): SlotRange[] {
  const found = /^(\d+)(?:-(\d+))?$/.exec(text);
  // What stands in brackets is a slot on its way.
  if (found === null) return [];
  const from = Number(found[1]);
  return [{ from, to: Number(found[2] ?? from) }];
}

function clusterNode(line: string): ClusterNode {
  const [id = "", address = "", flags = "", primaryId = "-", , , epoch = "0", link = "", ...slots] = line.split(" ");
  const [, host = "", port = ""] = /^(.*):(\d+)@/.exec(address) ?? [];
  return {
    id,
    host,
    port: Number(port),
    flags: flags.split(","),
    primaryId: primaryId === "-" ? undefined : primaryId,
    configEpoch: Number(epoch),
    isConnected: link === "connected",
    slots: slots.flatMap(slotRange),
  };
}

export function clusterNodes(reply: unknown): ClusterNode[] {
  return String(reply)
    .split("\n")
    .filter((line) => line !== "")
    .map(clusterNode);
}

export function hasSlot(node: ClusterNode, slot: number): boolean {
  return node.slots.some(({ from, to }) => from <= slot && slot <= to);
}

export function slotCount(nodes: readonly ClusterNode[]): number {
  return nodes.flatMap(({ slots }) => slots).reduce((sum, { from, to }) => sum + to - from + 1, 0);
}
