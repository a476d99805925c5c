import { lockFolder } from "../../src/store/folderLock.ts";

// node folderLocker.ts <folder>: locks the folder when it is told to by a line, says whether it could, and waits to be killed.
process.stdout.write("ready\n");
process.stdin.once("data", () => {
  try {
    lockFolder(process.argv[2] ?? "");
    process.stdout.write("locked\n");
  } catch (error) {
    process.stdout.write(`${error}\n`);
  }
});
