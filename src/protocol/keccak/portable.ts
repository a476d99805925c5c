/** In JavaScript alone: for browsers, which need a page's consent to run WebAssembly. */
export { keccak256 } from "viem";
