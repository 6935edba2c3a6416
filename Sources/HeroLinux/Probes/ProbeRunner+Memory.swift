import HeroKernel
import HeroModel

/// The memory of a process tree, as `health.memory_below` limits it.
///
/// Memory that cannot be read is neither too much nor little: then the rest of the probe decides.
extension ProbeRunner {
    /// Reads the memory of the process tree of a start, and continues with the check of the probe.
    func checkMemory(_ request: ProbeRequest, below limit: Int64) {
        let id = takeID()
        addProbe(id, request)
        if let used = shimTracker.cgroupMemory(of: request.start) {
            return finishMemoryRead(id, request, used, "")
        }
        guard let shim = shimTracker.shimPID(of: request.start) else {
            return finishMemoryRead(id, request, nil, "its shim is gone")
        }
        let arguments = [TreeMemory.subcommand] + ProcessTable.descendants(of: shim).map(String.init)
        let task = helperTasks.start("memory of job \(request.start.job)", arguments) { [weak self] result in
            guard let self, memoryReads.removeValue(forKey: id) != nil else { return }
            switch result {
            case .success(let bytes):
                finishMemoryRead(id, request, TreeMemory.decode(bytes), "this user may not read it")
            case .failure(let error): finishMemoryRead(id, request, nil, error.cause)
            }
        }
        if let task {
            memoryReads[id] = (request, task)
        } else {
            finishMemoryRead(id, request, nil, "no process reads it")
        }
    }

    /// The memory is known, or is not.
    func finishMemoryRead(_ id: UInt64, _ request: ProbeRequest, _ used: Int64?, _ problem: String) {
        if let used, let limit = request.memoryBelow, used >= limit {
            let text = "it uses \(used >> 20) MiB of memory, which is not below \(Canonical.size(limit))"
            return finishProbe(id, request, .failed(text))
        }
        if used == nil, case .probe(.memory) = request.question {
            return finishProbe(id, request, .skipped("its memory is unknown: \(problem)"))
        }
        removeProbe(id, of: request.start.job)
        startCheck(request)
    }
}
