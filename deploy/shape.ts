/**
 * What of a network's parameters decides which steps a deployment has. Ignition resolves parameters only while it
 * runs, so a module can't branch on them: these two facts are known before the module is built.
 */
export type NetworkShape = {
  /** OPG exists on this chain and is used; false: the test OPG is deployed. */
  usesExistingOpg: boolean;
  /** The deploying account is the governor: it keeps its roles, with the delay. */
  governorDeploys: boolean;
};

let chosen: NetworkShape = { usesExistingOpg: false, governorDeploys: false };

/** For the command line, where Ignition loads `modules/Network.ts` by its path: the shape its default export gets. */
export function chooseShape(shape: NetworkShape): void {
  chosen = shape;
}

export function chosenShape(): NetworkShape {
  return chosen;
}
