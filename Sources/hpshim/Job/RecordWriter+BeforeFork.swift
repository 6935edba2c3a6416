import CHeroFailpoints
import CHeroRecord
import CHeroShim

extension RecordWriter {
    /// Writes the record of a new start under the lock, before the fork: who starts, and an empty exit.
    ///
    /// A start that finds its own or a newer generation in the record is superseded and must not fork.
    static func prepare(
        _ spec: Spec,
        shim: hero_identity,
        file: Int32,
        lock: Int32
    ) -> Acquisition {
        hero_failpoint(FP_ST_6)
        var previous = hero_proc()
        let size = MemoryLayout<hero_proc>.size
        if shim_read_at(file, &previous, size, 0) == size, hero_proc_is_valid(&previous) != 0,
            previous.job == spec.header.job, previous.generation >= spec.header.generation
        {
            return .superseded
        }
        var record = RecordWriter(file: file, lock: lock)
        record.proc.phase = HERO_PROC_PREPARED.rawValue
        record.proc.generation = spec.header.generation
        record.proc.job = spec.header.job
        record.proc.shim = shim
        record.proc.pid_namespace = spec.header.pid_namespace
        record.proc.boot_id = spec.header.boot_id
        record.exit.generation = spec.header.generation
        record.exit.job = spec.header.job
        record.notifyState.generation = spec.header.generation
        record.notifyState.job = spec.header.job
        record.notifyState.watchdog_us = spec.header.watchdog_us
        var error = record.writeBoth()
        // Allocated before the program runs, so that a full disk loses no message.
        let mayNotify = spec.notifySocket != nil || spec.header.ready_descriptor != 0
        if error == 0, mayNotify { error = record.writeNotifyState() }
        return error == 0 ? .acquired(record) : .failed(errno: error)
    }
}
