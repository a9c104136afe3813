#pragma once

#include <napi.h>

namespace codyra {

// Each adds the functions of the file of that name to the addon's exports.
void exportLookup(Napi::Object exports);
void exportTensors(Napi::Object exports);
void exportAutograd(Napi::Object exports);
void exportAutocast(Napi::Object exports);
void exportRandom(Napi::Object exports);
void exportRuntime(Napi::Object exports);
void exportMagnitudes(Napi::Object exports);
void exportCuda(Napi::Object exports);
void exportCudaGraph(Napi::Object exports);
void exportArchive(Napi::Object exports);
void exportImages(Napi::Object exports);
void exportStore(Napi::Object exports);
void exportDistributed(Napi::Object exports);

}  // namespace codyra
