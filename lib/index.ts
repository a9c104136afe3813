/** CLIP: models, checkpoints, tokenizer and preprocessing. */
export * as clip from "./clip/index.js";
/** Datasets on disk, few-shot tasks and batches, and the miniature world. */
export * as data from "./data/index.js";
/** Vectors of images and texts in files, exact search, retrieval, and whether an index outlives an update. */
export * as embeddings from "./embeddings/index.js";
/** Experiments as configurations: what is opened, run and told. */
export * as experiment from "./experiment/index.js";
/**
 * Effects of a model's update on accuracy, retrieval and an existing index, and whether they break a limit.
 */
export * as guard from "./guard/index.js";
/** Rank-selective adapters on a CLIP: injected, trained, pruned and merged. */
export * as lora from "./lora/index.js";
/** Continual-learning methods behind one interface. */
export * as methods from "./methods/index.js";
/** Settings and options: their schemas, what they mean, and how they are read. */
export * as options from "./options/index.js";
/** Runs of a method over a stream of tasks, their files, and the metrics. */
export * as protocol from "./protocol/index.js";
/** The files of runs: their formats, readers and writers. */
export * as records from "./records/index.js";
/** Tables, figures and pages from the files of runs. */
export * as report from "./report/index.js";
/** libtorch: tensors, its operators, autograd, `nn`, optimisers and safetensors. */
export * as torch from "./torch/index.js";
