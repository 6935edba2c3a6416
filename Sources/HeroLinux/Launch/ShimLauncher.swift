import CHeroFailpoints
import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Spawns shims.
final class ShimLauncher {
    /// A shim that was just spawned.
    struct Child {
        var pid: Int32
        var pidfd: Descriptor
        /// What a failure of its start would be about.
        var failureContext: StartFailureContext
        /// What a stranger could do to its program, in words; nil where nothing is wrong.
        var programProblem: String?
    }

    private let path: String
    private let shimFile: Descriptor
    private let nullDevice: Descriptor
    private let noticePipe: Descriptor
    private let specContext: ShimSpecEncoder.Context
    private let cgroups: StartCgroups
    private var specEncoder = ShimSpecEncoder()

    /// Opens the shim once, so that one which is replaced later still starts what was planned with it
    /// (reliability.md UP-4).
    init(shimPath: String, notices: Descriptor, place: ShimSpecEncoder.Context, containment: StartCgroups)
        throws(LinuxError)
    {
        let task = "open the shim \(shimPath)"
        guard access(shimPath, X_OK) == 0 else { throw LinuxError(cannot: task, errno) }
        path = shimPath
        shimFile = try raiseDescriptor(try check(hl_open_path(shimPath), task), task)
        let nullNumber = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nullNumber >= 0 else { throw LinuxError(cannot: "open /dev/null", errno) }
        nullDevice = try raiseDescriptor(nullNumber, "open /dev/null")
        self.noticePipe = notices
        self.specContext = place
        self.cgroups = containment
    }

    /// Where the shim is: as told, in `HEROPROC_SHIM`, or beside this very program.
    static func findShim(_ told: String?, environment: [String: String]) throws(LinuxError) -> String {
        if let told { return absolutePath(told) }
        if let named = environment["HEROPROC_SHIM"], !named.isEmpty { return absolutePath(named) }
        guard let own = realPath("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
            throw LinuxError(cannot: "find the shim", because: "the path of this program is unknown; set HEROPROC_SHIM")
        }
        let beside = own[..<slash] + "/hpshim"
        guard access(String(beside), X_OK) == 0 else {
            throw LinuxError(
                cannot: "find the shim",
                because: "there is no \(beside); put hpshim there, or name it in HEROPROC_SHIM"
            )
        }
        return String(beside)
    }

    /// What a failure of this launch would be about.
    private func makeFailureContext(_ launch: ResolvedLaunch) -> StartFailureContext {
        let order = launch.request
        return StartFailureContext(
            candidates: launch.candidates,
            workingDirectory: order.workingDirectory,
            log: specContext.paths.logs + "/" + order.logFile,
            script: specContext.paths.script(of: order.start.job),
            record: specContext.paths.record(of: order.start.job),
            rights: order.rights
        )
    }

    /// Spawns one shim; the account is the one that the order's rights name.
    func spawn(_ order: LaunchRequest, as account: Account?) throws(StartError) -> Child {
        var launch = try ResolvedLaunch(order, as: account)
        if order.rights.isStrict {
            launch.candidates = try TrustedProgram.trustedCandidates(launch.candidates, in: order.workingDirectory)
        }
        let cgroup = try cgroups.create(order.start, order.rights.limits)
        do {
            return try spawn(launch, in: cgroup)
        } catch {
            cgroups.remove(order.start)
            throw error
        }
    }

    private func spawn(_ launch: ResolvedLaunch, in cgroup: StartCgroups.Placement?) throws(StartError) -> Child {
        let order = launch.request
        try checkLogDirectory(order.logFile)
        defer { specEncoder.wipe() }
        try specEncoder.encode(launch, specContext, in: cgroup)
        let number = specEncoder.bytes.withUnsafeBytes { hl_sealed_memfd($0.baseAddress, $0.count) }
        guard number >= 0 else { throw makeError("make the spec of the start", 0 &- number) }
        let spec: Descriptor
        do { spec = try raiseDescriptor(number, "duplicate a descriptor") } catch {
            throw makeError(error.task, error.number)
        }

        // Kept free for its pidfd: a shim that runs and cannot be watched must not come to be (reliability.md RX-1).
        let room = try reserveDescriptor(
            leaving: order.isRestart ? FileDescriptorBudget.restartReserve : FileDescriptorBudget.startReserve
        )
        hero_failpoint(FP_ST_3)
        let pid = withArguments("hpshim", "\(order.label) #\(order.start.job)") {
            hl_spawn_shim(executablePath, $0, nullDevice.number, spec.number, noticePipe.number)
        }
        guard pid > 0 else {
            close(room)
            throw makeError("spawn \(path)", 0 &- pid)
        }
        hero_failpoint(FP_ST_4)
        // Nobody else reaps our children, so the pid is still this one, dead or alive.
        close(room)
        var pidfd = hl_pidfd_open(pid)
        // Another thread may have been faster.
        for _ in 0..<1000 where pidfd == -EMFILE || pidfd == -ENFILE {
            hl_sleep(1_000_000)
            pidfd = hl_pidfd_open(pid)
        }
        guard pidfd >= 0 else { throw makeError("open the shim's pidfd", 0 &- pidfd) }
        return Child(
            pid: pid,
            pidfd: Descriptor(pidfd),
            failureContext: makeFailureContext(launch),
            programProblem: TrustedProgram.problem(launch)
        )
    }

    /// Spawns what empties the pipes of a program that has lost its shim.
    ///
    /// - Parameters:
    ///   - order: Where to.
    ///   - output: Its standard output; nil where it cannot be reached.
    ///   - errors: Its standard error; likewise.
    /// - Returns: its pid, its pidfd, and the leash: it leaves once that is closed.
    /// - Throws: When there is no room for it, or when its log cannot be trusted.
    func spawnDrain(
        _ order: OutputCaptureRequest,
        _ output: Descriptor?,
        _ errors: Descriptor?
    ) throws(StartError) -> (pid: Int32, pidfd: Descriptor, leash: Descriptor) {
        try checkLogDirectory(order.logFile)
        guard FileDescriptorBudget.available > FileDescriptorBudget.restartReserve else {
            throw makeError("empty its pipes", EMFILE)
        }
        var (held, given): (Int32, Int32) = (-1, -1)
        let result = hl_pipe(&given, &held, 4096)
        guard result >= 0 else { throw makeError("make a pipe", 0 &- result) }
        let leash = Descriptor(held)
        let end: Descriptor
        do { end = try raiseDescriptor(given, "duplicate a descriptor") } catch {
            throw makeError(error.task, error.number)
        }
        let words = [String(min(max(order.log.keep, 0), 99)), String(max(0, order.log.maxSize))]
        let pid = withArguments("hpshim", "drain", words[0], words[1], "\(specContext.paths.logs)/\(order.logFile)") {
            hl_spawn_drain(
                executablePath,
                $0,
                nullDevice.number,
                end.number,
                output?.number ?? nullDevice.number,
                errors?.number ?? nullDevice.number
            )
        }
        guard pid > 0 else { throw makeError("spawn \(path)", 0 &- pid) }
        let pidfd = hl_pidfd_open(pid)
        // One that cannot be waited for ends with its leash, and is reaped like any stray.
        guard pidfd >= 0 else { throw makeError("open a pidfd", 0 &- pidfd) }
        return (pid, Descriptor(pidfd), leash)
    }

    /// The path keeps the shim's name in `ps`; once it is another file, the one opened at the start is taken.
    private var executablePath: String {
        hl_same_file(path, shimFile.number) == 1 ? path : "/proc/self/fd/\(shimFile.number)"
    }

    /// Refuses to write logs where a stranger could lead them elsewhere (reliability.md FS-1, FS-2).
    ///
    /// A disk that is full keeps no service down; a doubt about who is in charge of its files does.
    private func checkLogDirectory(_ logFile: String) throws(StartError) {
        let path = specContext.paths.logs + "/" + logFile
        // The file itself is always a new one, and whatever has its name is moved aside.
        do { try TrustedPath.check(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? path) } catch {
            throw StartError(.log, EPERM, error.text)
        }
    }

    private func reserveDescriptor(leaving left: Int) throws(StartError) -> Int32 {
        guard FileDescriptorBudget.available > left else { throw makeError("start a shim", EMFILE) }
        let number = hl_duplicate_descriptor(nullDevice.number, 10)
        guard number >= 0 else { throw makeError("start a shim", 0 &- number) }
        return number
    }

    private func makeError(_ task: String, _ number: Int32) -> StartError {
        StartError(.launch, number, "cannot \(task): \(errorText(number))")
    }
}

/// Moves a descriptor above those a shim is started with, so that nothing is overwritten on the way.
func raiseDescriptor(_ number: Int32, _ task: String) throws(LinuxError) -> Descriptor {
    let descriptor = Descriptor(number)
    guard number < 10 else { return descriptor }
    return Descriptor(try check(hl_duplicate_descriptor(number, 10), task))
}

/// Calls with a C argument list.
func withArguments(
    _ arguments: String...,
    body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) -> Int32 {
    withArgumentList(arguments, body: body)
}

/// Calls with a C argument list.
func withArgumentList(
    _ arguments: [String],
    body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) -> Int32 {
    var list: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    list.append(nil)
    defer { for pointer in list { free(pointer) } }
    return list.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return -EINVAL }
        return body(base)
    }
}
