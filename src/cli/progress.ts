/** What a command is doing, on standard error. */
export type Progress = {
  /** Something happened. */
  say(line: string): void;
  /** Something begins; it is only told when it takes longer than a moment. */
  begin(stage: string): void;
  end(): void;
};

const MOMENT_MS = 2_000;
const REMIND_MS = 10_000;

/** @param write takes lines for people, with their line breaks */
export function createProgress(write: (text: string) => void): Progress {
  const startedAt = performance.now();
  let stage = "working";
  let timer: NodeJS.Timeout | undefined;

  function tell(line: string): void {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    write(`${seconds.padStart(6)} s  ${line}\n`);
  }

  function remindAfter(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      tell(`${stage} …`);
      remindAfter(REMIND_MS);
    }, ms).unref();
  }

  return {
    say(line) {
      tell(line);
      remindAfter(REMIND_MS);
    },
    begin(next) {
      stage = next;
      remindAfter(MOMENT_MS);
    },
    end: () => clearTimeout(timer),
  };
}
