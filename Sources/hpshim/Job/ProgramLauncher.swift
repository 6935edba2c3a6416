import CHeroFailpoints
import CHeroRecord
import CHeroShim

/// Starts the program of a job after the record is locked, or reports the stage that failed.
struct ProgramLauncher {
    /// The stage at which a start failed, and its errno.
    struct Failure {
        let stage: UInt32
        let error: Int32

        init(_ stage: hero_stage, _ error: Int32) {
            self.init(stage: stage.rawValue, error: error)
        }

        init(stage: UInt32, error: Int32) {
            self.stage = stage
            self.error = error
        }
    }

    let spec: Spec
    private(set) var containment: Containment
    var notifySocket: NotifySocket
    private(set) var output: Int32 = -1
    private(set) var error: Int32 = -1
    /// The pipe that carries the readiness message; -1 if there is none.
    private(set) var readyPipe: Int32 = -1
    /// A pidfd of the main process; -1 before the launch.
    private(set) var mainPidfd: Int32 = -1
    private var childOutput: Int32 = -1
    private var childError: Int32 = -1
    private var childReady: Int32 = -1
    private var gate = shim_gate(shim: -1, child: -1)

    init(_ spec: Spec, containment: Containment, notifySocket: NotifySocket) {
        self.spec = spec
        self.containment = containment
        self.notifySocket = notifySocket
    }

    /// Starts the program and waits until it executes.
    ///
    /// - Returns: nil on success, when the record has the phase `EXECUTED`.
    mutating func launch(_ record: inout RecordWriter) -> Failure? {
        let failure = prepare() ?? startGatedProgram(&record)
        closeChildEnds()
        shim_close(gate.shim)
        return failure
    }

    // MARK: Steps

    private mutating func prepare() -> Failure? {
        var result = shim_make_pipe(&output, &childOutput)
        guard result == 0 else { return Failure(HERO_STAGE_PIPE, -result) }
        result = shim_make_pipe(&error, &childError)
        guard result == 0 else { return Failure(HERO_STAGE_PIPE, -result) }
        if spec.header.ready_descriptor != 0 {
            result = shim_make_pipe(&readyPipe, &childReady)
            guard result == 0 else { return Failure(HERO_STAGE_PIPE, -result) }
        }
        result = notifySocket.open(for: spec.header.rights, senders: spec.header.notify_senders)
        guard result == 0 else { return Failure(HERO_STAGE_NOTIFY, result) }
        result = writeScript()
        guard result == 0 else { return Failure(HERO_STAGE_SCRIPT, -result) }
        result = shim_make_gate(&gate)
        return result == 0 ? nil : Failure(HERO_STAGE_FORK, -result)
    }

    private mutating func startGatedProgram(_ record: inout RecordWriter) -> Failure? {
        var pidfd: Int32 = -1
        var isInCgroup: Int32 = 0
        let cgroup = containment.openCgroup()
        hero_failpoint(FP_ST_8)
        let main = fork(record, into: cgroup, pidfd: &pidfd, isInCgroup: &isInCgroup)
        shim_close(cgroup)
        guard main > 0 else { return Failure(HERO_STAGE_FORK, -main) }
        // The child must hold the only copy of its end of the gate: the shim learns from its end of file that the
        // program executes.
        closeChildEnds()
        hero_failpoint(FP_ST_9)

        record.proc.phase = HERO_PROC_GATED.rawValue
        record.proc.started_boottime = shim_boottime()
        record.proc.started_realtime = shim_realtime()
        var recordError = -shim_identify(main, pidfd, &record.proc.main)
        mainPidfd = pidfd
        // Without its cgroup the shim still tracks the process. Only limits that need the cgroup make this a failure.
        let cgroupError = containment.place(main, isIn: isInCgroup != 0, into: &record.proc)
        if cgroupError != 0, spec.header.needs_cgroup != 0 {
            return abandonStart(main, Failure(HERO_STAGE_CGROUP, cgroupError))
        }
        if recordError == 0 { recordError = record.writeProc() }
        // Without a record, no reconciler could identify the program later.
        guard recordError == 0 else { return abandonStart(main, Failure(HERO_STAGE_RECORD, recordError)) }

        var stage: UInt32 = 0
        var errno: Int32 = 0
        hero_failpoint(FP_ST_10)
        guard shim_open_gate(gate.shim, &stage, &errno) == 0 else {
            _ = shim_reap(main)
            return Failure(stage: stage, error: errno)
        }
        hero_failpoint(FP_ST_14)
        record.proc.phase = HERO_PROC_EXECUTED.rawValue
        _ = record.writeProc()
        return nil
    }

    /// Ends the gated child, which exits when the gate closes without a byte, and returns the failure.
    private mutating func abandonStart(_ main: Int32, _ failure: Failure) -> Failure {
        shim_close(gate.shim)
        gate.shim = -1
        _ = shim_reap(main)
        return failure
    }

    private func fork(
        _ record: RecordWriter,
        into cgroup: Int32,
        pidfd: inout Int32,
        isInCgroup: inout Int32
    ) -> Int32 {
        let addsWatchdogPID = spec.header.watchdog_us != 0
        let pointers = (spec.pointerCount + 1) * MemoryLayout<UnsafePointer<CChar>?>.stride
        let size = pointers + ProgramLauncher.pidVariableSize
        guard let memory = shim_map(size) else { return -Int32(SHIM_EAGAIN) }
        defer { shim_unmap(memory, size) }
        let candidates = memory.bindMemory(to: UnsafePointer<CChar>?.self, capacity: spec.pointerCount + 1)
        let arguments = spec.fillPointers(
            candidates,
            from: spec.header.candidates,
            count: spec.header.candidate_count
        )
        let environment = spec.fillPointers(arguments, from: spec.header.arguments, count: spec.header.argument_count)
        _ = spec.fillPointers(environment, from: spec.header.environment, count: spec.header.environment_count)
        var digits: UnsafeMutablePointer<CChar>?
        if addsWatchdogPID {
            // The child writes its own PID into this buffer.
            let variable = (memory + pointers).assumingMemoryBound(to: CChar.self)
            digits = ProgramLauncher.copy("WATCHDOG_PID=", to: variable)
            // Index from the start: the Swift 6.3 compiler omitted a store to the element before the end.
            environment[Int(spec.header.environment_count)] = UnsafePointer(variable)
            environment[Int(spec.header.environment_count) + 1] = nil
        }
        var gate = gate
        var rights = spec.header.rights
        var attributes = spec.header.attributes
        return withUnsafePointer(to: &rights) { rights in
            withUnsafePointer(to: &attributes) { attributes in
                var child = shim_child(
                    working_directory: spec.workingDirectory,
                    candidates: candidates,
                    arguments: arguments,
                    environment: environment,
                    rights: rights,
                    attributes: attributes,
                    groups: spec.groups,
                    open_files_soft: spec.header.open_files_soft,
                    umask: spec.header.umask,
                    confinement: spec.confinement,
                    strict_exec: spec.header.strict_exec,
                    output: childOutput,
                    error: childError,
                    lock: record.lock,
                    ready: childReady,
                    ready_number: Int32(spec.header.ready_descriptor),
                    cgroup: cgroup,
                    pid_digits: digits,
                    record: record.file,
                    release: record.releaseMark
                )
                return shim_fork(&child, &gate, &pidfd, &isInCgroup)
            }
        }
    }

    /// The size of `WATCHDOG_PID=` with the digits of any PID.
    private static let pidVariableSize = 32

    /// Copies a text; returns the position behind it.
    private static func copy(_ text: StaticString, to buffer: UnsafeMutablePointer<CChar>) -> UnsafeMutablePointer<
        CChar
    > {
        text.withUTF8Buffer { source in
            for index in 0..<source.count { buffer[index] = CChar(truncatingIfNeeded: source[index]) }
        }
        return buffer + text.utf8CodeUnitCount
    }

    private mutating func closeChildEnds() {
        shim_close(childOutput)
        shim_close(childError)
        shim_close(childReady)
        shim_close(gate.child)
        childOutput = -1
        childError = -1
        childReady = -1
        gate.child = -1
    }

    // MARK: The script

    /// Writes the script to a temporary name and renames it, so that the final name always holds the whole script.
    private func writeScript() -> Int32 {
        guard let path = spec.scriptPath else { return 0 }
        let temporaryPath = shim_start_scratch()
        let length = shim_length(path)
        shim_copy(temporaryPath, path, length)
        temporaryPath[length] = 0x7e  // "~"
        temporaryPath[length + 1] = 0
        var file = shim_create_script(temporaryPath)
        if file == -Int32(SHIM_EEXIST) {
            // A start that was killed left this file. The shim holds the lock, so that start is over.
            _ = shim_remove(temporaryPath)
            file = shim_create_script(temporaryPath)
        }
        guard file >= 0 else { return file }
        let result = write(spec.string(spec.header.script), Int(spec.header.script_size), to: file)
        let rights = spec.header.rights
        // The file stays with the user of the shim, so that the program can neither change nor fill it, nor link it to
        // another place. If the change is refused, the later change to the same group fails as well and reports it.
        if rights.changes_user != 0 { _ = shim_share_script(file, rights.gid) }
        shim_close(file)
        return result == 0 ? shim_rename(temporaryPath, path) : result
    }

    private func write(_ bytes: UnsafePointer<CChar>, _ count: Int, to file: Int32) -> Int32 {
        var done = 0
        while done < count {
            let result = shim_write(file, bytes + done, count - done)
            if result > 0 {
                done += result
            } else if result != -SHIM_EINTR {
                return result == 0 ? -Int32(SHIM_EIO) : Int32(truncatingIfNeeded: result)
            }
        }
        return 0
    }
}
