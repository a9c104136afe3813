import { writeFileSync } from "node:fs";
import type { PeakMemory, Phase } from "../records/index.js";
import * as torch from "../torch/index.js";

/**
 * The highest memory of each phase of a run, over all its tasks. Memory that allocators keep for later counts
 * on in the phases that follow.
 */
export class MemoryMeter {
  readonly peaks: Partial<Record<Phase, PeakMemory>>;
  readonly #device: number | undefined;

  /** @param earlier peaks of the same run before it was interrupted */
  constructor(device: torch.Device, earlier: Partial<Record<Phase, PeakMemory>> = {}) {
    const [type, index = "0"] = device.split(":");
    this.#device = type === "cuda" ? Number(index) : undefined;
    this.peaks = { ...earlier };
    this.end("load");
  }

  /** Begins a phase. */
  begin(): void {
    resetPeakResident();
    if (this.#device !== undefined) torch.cuda.resetPeakMemory(this.#device);
  }

  /** Ends the phase that began last. @returns its own peak */
  end(phase: Phase): PeakMemory {
    const peak: PeakMemory = {
      peakResidentBytes: peakResidentBytes(),
      ...(this.#device !== undefined && {
        peakDeviceBytes: torch.cuda.memory(this.#device).peakAllocatedBytes,
      }),
    };
    this.peaks[phase] = higher(peak, this.peaks[phase]);
    return peak;
  }
}

function higher(a: PeakMemory, b: PeakMemory = a): PeakMemory {
  const deviceBytes = [a, b].flatMap(({ peakDeviceBytes }) => peakDeviceBytes ?? []);
  return {
    peakResidentBytes: Math.max(a.peakResidentBytes, b.peakResidentBytes),
    ...(deviceBytes.length > 0 && { peakDeviceBytes: Math.max(...deviceBytes) }),
  };
}

/** Since `resetPeakResident`; where the system cannot reset it, since the process began. */
function peakResidentBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * Linux counts anew after this; elsewhere, and where /proc is read-only, peaks are those of the process so
 * far.
 */
function resetPeakResident(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5"); // man 5 proc: resets the peak resident set size
  } catch {}
}
