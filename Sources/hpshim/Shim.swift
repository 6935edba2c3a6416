// Rule: supervise one start of one job (its lock, process tree, output and exit status), and make no decisions.
import CHeroFailpoints
import CHeroRecord
import CHeroShim

@main
struct Shim {
    static func main() {
        if shim_version_is_requested() != 0 { shim_exit(shim_print_version()) }
        if DrainMode.isRequested { shim_exit(DrainMode.run()) }
        if shim_fork_server_is_requested() != 0 {
            shim_serve_requests()
            // From here on this process is a shim that the fork server has forked.
            shim_exit(runJob())
        }
        shim_exit(ReconcilerMonitor.isRequested ? ReconcilerMonitor.run() : runJob())
    }

    private static func runJob() -> Int32 {
        // 1. Detach this process: own session, subreaper, all signals blocked except through the signalfd.
        let signals = shim_set_up()
        guard signals >= 0 else { return HERO_SHIM_NO_RECORD }

        // 2. Read the spec.
        var size = 0
        guard let memory = shim_map_spec(&size), let spec = Spec(memory: memory, size: size) else {
            return HERO_SHIM_BAD_SPEC
        }

        // 3. Acquire the lock and the generation of this start.
        var shim = hero_identity()
        _ = shim_identify(shim_own_pid(), -1, &shim)
        hero_failpoint(FP_ST_5)
        switch RecordWriter.acquire(spec, shim: shim) {
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
        _ acquired: RecordWriter,
        signals: Int32,
        memory: UnsafeRawPointer,
        size: Int
    ) {
        var record = acquired

        // 4. Open the log. A log that cannot be opened does not prevent the start (LG-2).
        let settings = Log.Settings(
            path: copyToStaticMemory(spec.logPath),
            keptFiles: Int(spec.header.log_keep),
            maxFileSize: spec.header.log_max_size
        )
        var log = LogSink(settings, dropsWhenSlow: spec.header.log_when_slow == HERO_WHEN_SLOW_DROP.rawValue)

        // 5. Start the program. It waits at a gate until the record identifies it.
        let scriptPath = spec.scriptPath.map { copyToStaticMemory($0) }
        let containment = Containment(kind: spec.header.containment, path: spec.cgroup.map { copyToStaticMemory($0) })
        let handover = Handover(spec, pidFile: spec.pidFile.map { copyToStaticMemory($0) })
        record.proc.expects_handover = spec.pidFile == nil ? 0 : 1
        let notifySocket = NotifySocket(spec.notifySocket.map { copyToStaticMemory($0) })
        var launcher = ProgramLauncher(spec, containment: containment, notifySocket: notifySocket)
        if let failure = log.failure ?? launcher.launch(&record) {
            if let scriptPath { _ = shim_remove(scriptPath) }
            launcher.notifySocket.close()
            containment.remove()
            record.writeFailure(stage: failure.stage, error: failure.error)
            record.sendNotice(HERO_NOTICE_FAILED)
            log.finish()
            return
        }
        hero_failpoint(FP_ST_15)
        record.sendNotice(HERO_NOTICE_STARTED)

        // 6. Supervise the program until its tree is empty. The spec is unmapped first: it may hold secrets and uses
        // memory.
        var supervisor = JobSupervisor(
            launcher,
            record: record,
            log: log,
            handover: handover,
            signals: signals,
            scriptPath: scriptPath
        )
        shim_unmap(memory, size)
        shim_release_start_memory(log.hasThread ? 0 : 1)
        shim_harden()
        supervisor.run()
    }

    /// Notifies the reconciler of a start that failed before there was a record.
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

    /// Copies a path into static memory, so that the path outlives the spec.
    private static func copyToStaticMemory(_ path: UnsafePointer<CChar>) -> UnsafePointer<CChar> {
        let size = shim_length(path) + 1
        // The static area has room for all paths at their maximum length: it cannot run out.
        let text = shim_allocate_static(size)
        shim_copy(text, path, size)
        return UnsafePointer(text)
    }
}
