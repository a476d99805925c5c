import type { NodeLine } from "../../src/cli/runNode.ts";

/** What is going on, on standard error: one line per stage, then a line of counts that moves with the jobs. */
export type Progress = {
  say(line: string): void;
  onNodeLine(line: NodeLine): void;
  opened(): void;
  ended(): void;
  /** Ends the line of counts. */
  done(): void;
};

const LINE_EVERY_MS = 2_000;

export function createProgress(stream: NodeJS.WriteStream, isVerbose: boolean): Progress {
  const startedAt = performance.now();
  const counts = { opened: 0, inferred: 0, committed: 0, revealed: 0, ended: 0 };
  let lastLineAt = 0;
  let isLineOpen = false;

  function seconds(): string {
    return `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`;
  }

  function closeLine(): void {
    if (isLineOpen) stream.write("\n");
    isLineOpen = false;
  }

  function showCounts(): void {
    const now = performance.now();
    if (!stream.isTTY && now - lastLineAt < LINE_EVERY_MS) return;
    lastLineAt = now;
    const line = Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(" · ");
    stream.write(stream.isTTY ? `\r${seconds()}  ${line} ` : `${seconds()}  ${line}\n`);
    isLineOpen = stream.isTTY;
  }

  function count(name: keyof typeof counts): void {
    counts[name] += 1;
    showCounts();
  }

  return {
    say(line) {
      closeLine();
      stream.write(`${seconds()}  ${line}\n`);
    },
    onNodeLine(line) {
      if (!("step" in line)) return;
      const { step, operatorId, jobId } = line;
      if (isVerbose || step === "failed") {
        const detail = "reason" in line ? `: ${line.reason}` : "";
        closeLine();
        stream.write(`${seconds()}  operator ${operatorId}, job ${jobId.slice(0, 10)}…: ${step}${detail}\n`);
      }
      if (step === "inferred" || step === "committed" || step === "revealed") count(step);
    },
    opened: () => count("opened"),
    ended: () => count("ended"),
    done: closeLine,
  };
}
