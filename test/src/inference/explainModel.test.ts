import { expect } from "chai";
import { readShippedModel } from "../../../scripts/training/shipped.ts";
import { explainModel, type ModelExplanation } from "../../../src/inference/explainModel.ts";
import { checkIntegerOnly } from "../../../src/inference/integerOnly.ts";
import { constant, type Graph, node, onnxFile, value } from "../../support/onnxFiles.ts";

const BYTES_IN = value("x", "uint8", [1, 2]);
const BYTES_OUT = value("y", "uint8", [1, 2]);
const WEIGHTS = constant("w", "int8", [2, 2], [1, -2, 3, 4]);
const scalar = (name: string, of: number) => constant(name, "int32", [], [of]);

/** Product, clip, division, cast: with these weights and this divisor. */
function quantised({ weights = WEIGHTS, divisor = 8 } = {}): Graph {
  return {
    node: [
      node("MatMulInteger", ["x", "w"], ["p"]),
      node("Clip", ["p", "low", "high"], ["c"]),
      node("Div", ["c", "d"], ["q"]),
      node("Cast", ["q"], ["y"], { to: 2 }),
    ],
    initializer: [weights, scalar("low", 0), scalar("high", 2047), scalar("d", divisor)],
    input: [BYTES_IN],
    output: [BYTES_OUT],
  };
}

const details = ({ nodes }: ModelExplanation) => nodes.map(({ name, detail }) => `${name}: ${detail}`);

describe("the explanation of a model", () => {
  it("says of every node what comes out of it", () => {
    const explanation = explainModel(onnxFile(quantised()));
    expect(explanation).to.deep.equal({
      ok: true,
      reasons: [],
      nodes: [
        { op: "MatMulInteger", name: "p", ok: true, detail: "int32 [1,2], -510 … 1020" },
        { op: "Clip", name: "c", ok: true, detail: "int32 [1,2], 0 … 1020" },
        { op: "Div", name: "q", ok: true, detail: "int32 [1,2], 0 … 127" },
        { op: "Cast", name: "y", ok: true, detail: "uint8 [1,2], 0 … 127" },
      ],
    });
  });

  it("finds nothing wrong with the shipped models", async () => {
    for (const name of ["digits", "iris"] as const) {
      const { artefact } = await readShippedModel(name);
      const { ok, reasons, nodes } = explainModel(artefact);
      expect({ ok, reasons }).to.deep.equal({ ok: true, reasons: [] });
      expect(nodes.map(({ op }) => op).join(" ")).to.equal("MatMulInteger Add Clip Div Cast MatMulInteger Add");
      expect(nodes.every((node) => node.ok)).to.equal(true);
    }
  });

  it("says why a node is refused, and that those after it aren't checked", () => {
    const explanation = explainModel(onnxFile(quantised({ divisor: 0 })));
    expect(explanation.ok).to.equal(false);
    expect(explanation.reasons).to.deep.equal([]);
    expect(explanation.nodes.map(({ ok }) => ok)).to.deep.equal([true, true, false, false]);
    expect(details(explanation).slice(2)).to.deep.equal([
      "q: divides by 0, allowed is 1 or more",
      "y: not checked: depends on q",
    ]);
  });

  it("goes on with whatever doesn't depend on what is refused", () => {
    const explanation = explainModel(
      onnxFile({
        node: [
          node("Relu", ["x"], ["r"]),
          node("MatMulInteger", ["x", "w"], ["p"]),
          node("Add", ["p", "r"], ["s"]),
          node("Add", ["p", "nowhere"], ["t"]),
          node("Softmax", ["s"], ["y"], { axis: 1 }),
        ],
        initializer: [WEIGHTS],
        input: [BYTES_IN],
        output: [BYTES_OUT],
      }),
    );
    expect(details(explanation)).to.deep.equal([
      "r: the operation Relu isn't allowed, allowed are MatMulInteger, Add, Clip, Div, Cast",
      "p: int32 [1,2], -510 … 1020",
      "s: not checked: depends on r",
      "t: Add takes p, nowhere, not all defined before it",
      "y: the operation Softmax isn't allowed, allowed are MatMulInteger, Add, Clip, Div, Cast",
    ]);
  });

  it("names refused constants and inputs for the whole file, and the nodes that depend on them", () => {
    const explanation = explainModel(
      onnxFile({
        ...quantised({ weights: constant("w", "float32", [2, 2], [1, 2, 3, 4]) }),
        input: [value("x", "float32", [1, 2])],
      }),
    );
    expect(explanation.ok).to.equal(false);
    expect(explanation.reasons).to.deep.equal([
      'input "x" has ONNX type 1, allowed are uint8, int8 and int32',
      'constant "w" has ONNX type 1, allowed are uint8, int8 and int32',
    ]);
    expect(details(explanation)[0]).to.equal("p: not checked: depends on x, w");
  });

  it("names opsets and outputs that aren't as they must be", () => {
    const graph = { ...quantised(), output: [value("y", "int32", [1, 2]), value("z", "uint8", [1, 2])] };
    const { ok, reasons, nodes } = explainModel(onnxFile(graph, { opsetImport: [{ domain: "", version: 99 }] }));
    expect(ok).to.equal(false);
    expect(nodes.every((node) => node.ok)).to.equal(true);
    expect(reasons).to.deep.equal([
      "opset onnx 99, allowed is onnx 13 to 21",
      'output "y" is declared as type 6 [1,2], it comes out as uint8 [1,2]',
      'output "z" is computed by no node',
    ]);
  });

  it("refuses a name given twice, whoever gives it", () => {
    const twice = quantised();
    twice.node.push(node("Div", ["c", "d"], ["q"]), node("Add", ["q", "d"], ["s"]));
    expect(details(explainModel(onnxFile(twice))).slice(4)).to.deep.equal([
      'q: the name "q" is empty or given twice',
      "s: not checked: depends on q",
    ]);
  });

  it("gives the reason and no nodes for what isn't an ONNX file", () => {
    const { ok, reasons, nodes } = explainModel(new TextEncoder().encode("not a model"));
    expect({ ok, nodes, lines: reasons.length }).to.deep.equal({ ok: false, nodes: [], lines: 1 });
  });

  it("answers at once for files made to keep it busy", () => {
    const graph = (nodes: object[], more: Partial<Graph> = {}): Uint8Array =>
      onnxFile({ ...quantised(), node: nodes, ...more });
    const many = (count: number, of: (i: number) => object) => Array.from({ length: count }, (_, i) => of(i));
    const product = (i: number) => node("MatMulInteger", ["x", "w"], [`p${i}`]);

    const tooMany = explainModel(graph(many(10_001, product)));
    expect(tooMany).to.deep.equal({ ok: false, reasons: ["10001 nodes, allowed are 10000"], nodes: [] });

    const wide = constant("w", "int8", [2, 200_000], Array(400_000).fill(1));
    const tooMuch = explainModel(graph(many(9_999, product), { initializer: [wide] }));
    expect(tooMuch.nodes).to.deep.equal([]);
    expect(tooMuch.reasons[0]).to.match(/bytes of weights/);

    const deep = Array(100_000).fill(1);
    const tooDeep = explainModel(
      graph(
        many(9_999, (i) => node("Add", ["x", "b"], [`s${i}`])),
        { input: [value("x", "int32", deep)], initializer: [constant("b", "int32", deep, [1])] },
      ),
    );
    expect(tooDeep.reasons.slice(0, 2).join()).to.match(
      /input "x" has an open shape.*constant "b" has 100000 dimensions/,
    );
  });

  it("never disagrees with the check nodes make", async () => {
    const { artefact } = await readShippedModel("iris");
    for (let at = 0; at < artefact.length; at++) {
      const damaged = artefact.slice();
      damaged[at] = (damaged[at] as number) ^ 0xff;
      const { ok, reasons, nodes } = explainModel(damaged);
      expect(checkIntegerOnly(damaged).ok).to.equal(ok);
      expect(reasons.length === 0 && nodes.every((node) => node.ok)).to.equal(ok);
    }
  });
});
