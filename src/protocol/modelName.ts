/** The network's name of a model, `provider/model`: nothing in it that moves a cursor or begins a line. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9-]*\/[\x21-\x7e]{1,200}$/;
