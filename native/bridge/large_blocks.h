#pragma once

namespace codyra {

// Makes the C library keep the memory of large tensors for the next ones. Otherwise every activation of a
// training step is mapped anew and its pages are cleared one fault at a time: a tenth of a ViT-B/16 step. The
// user's own MALLOC_ settings win.
void keepLargeBlocks();

}  // namespace codyra
