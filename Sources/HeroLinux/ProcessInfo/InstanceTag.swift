import Glibc
import HeroKernel

/// The variable in the environment of every program that tells its start from all others on this machine (TR-5).
///
/// It finds what a killed shim has left behind where no cgroup does: whoever forked, left its session and closed everything still
/// has it. A program can take it off, so finding nobody proves nothing, and nobody is protected less for having it.
enum InstanceTag {
    /// Its name.
    static let variable = "HEROPROC_INSTANCE"

    /// Its value for a start: which state directory, which job, which start of it.
    static func value(_ start: StartID, _ paths: RuntimePaths) -> String {
        "\(RuntimePaths.digest(of: paths.state)).\(start.job).\(start.generation)"
    }

    /// The processes that carry it, except those that are never to be ended: PID 1, ourselves and our ancestors.
    static func processes(of start: StartID, _ paths: RuntimePaths) -> [Int32] {
        let text = Array("\(variable)=\(value(start, paths))".utf8)
        var spared: Set<Int32> = [1]
        var next = getpid()
        while next > 1, spared.insert(next).inserted { next = ProcStat(of: next)?.parent ?? 0 }
        return ProcessTable.allPIDs().filter { pid in
            guard !spared.contains(pid), let bytes = readFile("/proc/\(pid)/environ", limit: 1 << 20) else {
                return false
            }
            return bytes.split(separator: 0).contains { $0.elementsEqual(text) }
        }
    }
}
