// Law: hold one start of one job, and decide nothing: its lock, its tree, its output, its exit status.
import CHeroFailpoints
import CHeroRecord
import CHeroShim

@main
struct Shim {
    static func main() {
        if shim_version_is_requested() != 0 { shim_exit(shim_print_version()) }
        if DrainMode.isRequested { shim_exit(DrainMode.run()) }
        shim_exit(ReconcilerMonitor.isRequested ? ReconcilerMonitor.run() : runJob())
    }

    private static func runJob() -> Int32 {
        // 1. Be nobody's child but the kernel's, deaf to every signal but our own.
        let signals = shim_set_up()
        guard signals >= 0 else { return HERO_SHIM_NO_RECORD }

        // 2. What is to be started.
        var size = 0
        guard let memory = shim_map_spec(&size), let spec = Spec(memory: memory, size: size) else {
            return HERO_SHIM_BAD_SPEC
        }

        // 3. The right to start it.
        var shim = hero_identity()
        _ = shim_identify(shim_own_pid(), -1, &shim)
        hero_failpoint(FP_ST_5)
        switch RecordFile.acquire(spec, shim: shim) {
        case .acquired(let record):
            startJob(spec, record, signals: signals, memory: memory, size: size)
            return HERO_SHIM_DONE
        case .locked:
            return HERO_SHIM_LOCKED
        case .superseded:
            return HERO_SHIM_SUPERSEDED
        case .failed(let errno):
            sendFailureNotice(spec, errno)
            return HERO_SHIM_NO_RECORD
        }
    }

    private static func startJob(
        _ spec: Spec,
        _ taken: RecordFile,
        signals: Int32,
        memory: UnsafeRawPointer,
        size: Int
    ) {
        var record = taken

        // 4. Where its output goes. A log that cannot be opened keeps no service down (LG-2).
        let place = Log.Settings(
            path: copyToStaticMemory(spec.logPath),
            keptFiles: Int(spec.header.log_keep),
            maxFileSize: spec.header.log_max_size
        )
        var log = LogSink(place, drops: spec.header.log_when_slow == HERO_WHEN_SLOW_DROP.rawValue)

        // 5. The program, gated until the record says who it is.
        let script = spec.scriptPath.map { copyToStaticMemory($0) }
        let containment = Containment(kind: spec.header.containment, path: spec.cgroup.map { copyToStaticMemory($0) })
        let handover = Handover(spec, pidFile: spec.pidFile.map { copyToStaticMemory($0) })
        record.proc.expects_handover = spec.pidFile == nil ? 0 : 1
        let hearing = NotifySocket(spec.notifySocket.map { copyToStaticMemory($0) })
        var start = ProgramLauncher(spec, containment: containment, notifySocket: hearing)
        if let failure = log.failure ?? start.launch(&record) {
            if let script { _ = shim_remove(script) }
            start.notifySocket.close()
            containment.remove()
            record.writeFailure(stage: failure.stage, error: failure.error)
            record.sendNotice(HERO_NOTICE_FAILED)
            log.finish()
            return
        }
        hero_failpoint(FP_ST_15)
        record.sendNotice(HERO_NOTICE_STARTED)

        // 6. Its life and its end. The spec may hold secrets and costs memory: it goes.
        var host = JobSupervisor(
            start,
            record: record,
            log: log,
            handover: handover,
            signals: signals,
            scriptPath: script
        )
        shim_unmap(memory, size)
        shim_release_start_memory(log.hasThread ? 0 : 1)
        shim_harden()
        host.run()
    }

    /// Tells the reconciler that there is no record to read.
    private static func sendFailureNotice(_ spec: Spec, _ errno: Int32) {
        var notice = hero_notice()
        notice.magic = HERO_NOTICE_MAGIC
        notice.kind = HERO_NOTICE_FAILED.rawValue
        notice.job = spec.header.job
        notice.generation = spec.header.generation
        notice.stage = HERO_STAGE_RECORD.rawValue
        notice.error = errno
        shim_send_notice(&notice)
    }

    /// A path that outlives the spec, in static memory.
    private static func copyToStaticMemory(_ path: UnsafePointer<CChar>) -> UnsafePointer<CChar> {
        let size = shim_length(path) + 1
        // The room is that of all paths of the greatest length and a stamp: it never runs out.
        let text = shim_allocate_static(size)
        shim_copy(text, path, size)
        return UnsafePointer(text)
    }
}
