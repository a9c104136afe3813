// Loops for the widest vectors of the machine that runs them, although the build targets every machine of the
// architecture.
#pragma once

/// Marks a function whose loops are compiled once for each vector width and chosen when the library loads.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define CODYRA_VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CODYRA_VECTORIZED
#endif
