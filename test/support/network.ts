/**
 * Hosts on one machine: each a network namespace with an address of its own, all on one switch. A partition drops packets and says nothing.
 * How: each host has the addresses of the others in its table of neighbours for good, and a partition puts a hardware address there that
 * nobody has. So any two can be separated while a third reaches both, and no packet filter is needed.
 */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { atExit } from "./at-exit.ts";
import type { Host } from "./host.ts";
import { configure, isUnused, namespaces, removeNamespace, whyNoNamespaces } from "./network-namespaces.ts";

export interface Network {
  /** In the order of the names given. */
  readonly hosts: readonly Host[];
  host(name: string): Host;
  /** Where this process is: on the switch too, and can be cut off like any other. */
  readonly here: Host;
  /** Nothing passes any more between a host of the one side and a host of the other, until `heal`. */
  partition(oneSide: readonly Host[], otherSide: readonly Host[]): Promise<void>;
  /** Ends all partitions. */
  heal(): Promise<void>;
  /** Runs a command on a host; resolves with what it printed, rejects where it fails. */
  exec(on: Host, command: string, ...args: string[]): Promise<string>;
  /** Kills what runs on the hosts and takes them away; done at the end of the process too. */
  remove(): void;
}

interface Member extends Host {
  /** Undefined for `here`. */
  readonly namespace: string | undefined;
  readonly device: string;
  readonly hardwareAddress: string;
}

/** Of nobody. */
const NOWHERE = "02:00:00:00:00:01";
const HOSTS_MAX = 200;

const run = promisify(execFile);
let made = 0;

/** For tap's `skip`: the reason where there can be no hosts, else false. */
export const skipWithoutNamespaces: string | false = whyNoNamespaces(`mintmark-${process.pid}-probe`);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A process that was killed could not tidy up. */
function removeThoseOfTheDead(): void {
  for (const namespace of namespaces()) {
    const pid = /^mintmark-(\d+)-/.exec(namespace)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) removeNamespace(namespace);
  }
}

/** The first three numbers of addresses that nobody uses; another in each process. */
function freeSubnet(): string {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const number = process.pid + made * 100 + attempt;
    const subnet = `10.${64 + ((number >> 8) % 128)}.${number % 256}`;
    if (isUnused(`${subnet}.0/24`)) return subnet;
  }
  throw new Error("no unused addresses found between 10.64.0.0 and 10.191.255.255");
}

function planMembers(id: string, names: readonly string[]): { hosts: Member[]; here: Member } {
  const subnet = freeSubnet();
  const hardwareAddress = (number: number) => `02:6d:6d:00:00:${number.toString(16).padStart(2, "0")}`;
  const hosts = names.map((name, index): Member => {
    const namespace = `${id}-${name}`;
    const number = index + 1;
    const place = { name, address: `${subnet}.${number}`, prefix: ["ip", "netns", "exec", namespace] };
    return { ...place, namespace, device: "eth0", hardwareAddress: hardwareAddress(number) };
  });
  const place = { name: "here", address: `${subnet}.254`, prefix: [] };
  const here = { ...place, namespace: undefined, device: `mint${process.pid}.${made}`, hardwareAddress: hardwareAddress(254) };
  return { hosts, here };
}

async function plugIn({ namespace, device, hardwareAddress, address }: Member, switchNamespace: string, port: string): Promise<void> {
  if (namespace !== undefined) await configure(undefined, [`netns add ${namespace}`]);
  const where = namespace === undefined ? "" : `netns ${namespace}`;
  await configure(undefined, [
    `link add ${port} netns ${switchNamespace} type veth peer name ${device} address ${hardwareAddress} ${where}`,
  ]);
  await configure(switchNamespace, [`link set ${port} master switch up`]);
  await configure(namespace, ["link set lo up", `addr add ${address}/24 dev ${device}`, `link set ${device} up`]);
}

/** Says to a host how each of the others is reached. */
async function point(member: Member, others: readonly Member[], hardwareAddress: (other: Member) => string): Promise<void> {
  const line = (other: Member) => `neigh replace ${other.address} lladdr ${hardwareAddress(other)} dev ${member.device} nud permanent`;
  await configure(member.namespace, others.map(line));
}

/** The switch is a bridge in a namespace of its own, where no packet filter of the machine interferes. */
async function connect(members: readonly Member[], switchNamespace: string): Promise<void> {
  await configure(undefined, [`netns add ${switchNamespace}`]);
  await configure(switchNamespace, ["link add switch type bridge", "link set switch up"]);
  for (const [index, member] of members.entries()) await plugIn(member, switchNamespace, `port${index}`);
}

/** Rejects where `skipWithoutNamespaces` says why. */
export async function createNetwork(names: readonly string[]): Promise<Network> {
  if (names.length > HOSTS_MAX || new Set(["here", ...names]).size <= names.length) throw new TypeError("200 hosts at most, no name twice");
  removeThoseOfTheDead();
  made += 1;
  const id = `mintmark-${process.pid}-${made}`;
  const { hosts, here } = planMembers(id, names);
  const members = [...hosts, here];
  const switchNamespace = `${id}-switch`;
  const remove = () => {
    for (const namespace of namespaces()) if (namespace.startsWith(`${id}-`)) removeNamespace(namespace);
    forget();
  };
  const forget = atExit(remove);

  const memberOf = (host: Host): Member => {
    const found = members.find(({ address }) => address === host.address);
    if (found === undefined) throw new TypeError(`${host.name} is not on this network`);
    return found;
  };
  const heal = async () => {
    const others = (member: Member) => members.filter((other) => other !== member);
    await Promise.all(members.map((member) => point(member, others(member), (other) => other.hardwareAddress)));
  };
  await connect(members, switchNamespace);
  await heal();
  return {
    hosts,
    host(name) {
      const found = hosts.find((host) => host.name === name);
      if (found === undefined) throw new TypeError(`no host ${name}`);
      return found;
    },
    here,
    async partition(oneSide, otherSide) {
      const [one, other] = [oneSide.map(memberOf), otherSide.map(memberOf)];
      if (one.some((member) => other.includes(member))) throw new TypeError("a host can't be cut off from itself");
      const cuts = [
        ...one.map((member) => point(member, other, () => NOWHERE)),
        ...other.map((member) => point(member, one, () => NOWHERE)),
      ];
      await Promise.all(cuts);
    },
    heal,
    async exec(on, ...command) {
      const [first, ...rest] = [...on.prefix, ...command] as [string, ...string[]];
      return (await run(first, rest)).stdout;
    },
    remove,
  };
}
