import Glibc
import HeroKernel
import HeroModel

/// A variable in the environment of every program that identifies its start on this machine (TR-5).
///
/// Without a cgroup it finds the processes that a killed shim has left: a process that has left its session and closed
/// all descriptors still has the variable. A program can remove it, so a search without results proves nothing, and the
/// variable protects no process from being signalled.
enum InstanceTag {
    /// The name of the variable.
    static let variable = "HEROPROC_INSTANCE"

    /// Its value: the state directory, the job and the start.
    static func value(_ start: StartID, _ paths: RuntimePaths) -> String {
        "\(jobPrefix(start.job, paths))\(start.generation)"
    }

    /// The part of the value that all starts of a job share.
    static func jobPrefix(_ job: JobID, _ paths: RuntimePaths) -> String {
        "\(RuntimePaths.digest(of: paths.state)).\(job)."
    }

    /// Returns the processes that have the tag of a start, except PID 1, this process and its ancestors, which are
    /// never killed.
    static func processes(of start: StartID, _ paths: RuntimePaths) -> [Int32] {
        let entry = "\(variable)=\(value(start, paths))"
        return processes { .entry($0, entry) }
    }

    /// Returns the processes that have the tag of any start of a job, except the same ones.
    static func processes(ofAnyStartOf job: JobID, _ paths: RuntimePaths) -> [Int32] {
        let prefix = "\(variable)=\(jobPrefix(job, paths))"
        return processes { .entryPrefix($0, prefix) }
    }

    private static func processes(_ fact: (Int32) -> ProcessFact) -> [Int32] {
        var spared: Set<Int32> = [1]
        var next = getpid()
        while next > 1, spared.insert(next).inserted { next = ProcStat(of: next)?.parent ?? 0 }
        let facts = ProcessTable.allPIDs().filter { !spared.contains($0) }.map(fact)
        return ProcessReader.read(facts).filter { $0.value == [ProcessFact.EntryState.present.rawValue] }.map(\.key.pid)
            .sorted()
    }
}
