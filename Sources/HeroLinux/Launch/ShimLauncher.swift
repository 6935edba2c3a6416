import CHeroFailpoints
import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// Starts shims.
final class ShimLauncher {
    /// A shim that was just started.
    struct Child {
        var pid: Int32
        var pidfd: Descriptor
        /// The context for the text of a start failure.
        var failureContext: StartFailureContext
        /// How an untrusted user could change the program; nil if none can.
        var programProblem: String?
    }

    private let path: String
    private let shimFile: Descriptor
    private let nullDevice: Descriptor
    private let noticePipe: Descriptor
    private let specContext: ShimSpecEncoder.Context
    private let cgroups: StartCgroups
    private var specEncoder = ShimSpecEncoder()

    /// Opens the shim once, so that it can be started even after its file is replaced (UP-4).
    init(shimPath: String, noticePipe: Descriptor, context: ShimSpecEncoder.Context, cgroups: StartCgroups)
        throws(LinuxError)
    {
        let task = "open the shim \(shimPath)"
        guard access(shimPath, X_OK) == 0 else { throw LinuxError(cannot: task, errno) }
        path = shimPath
        shimFile = try raiseDescriptor(try check(hl_open_path(shimPath), task), task)
        let nullNumber = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nullNumber >= 0 else { throw LinuxError(cannot: "open /dev/null", errno) }
        nullDevice = try raiseDescriptor(nullNumber, "open /dev/null")
        self.noticePipe = noticePipe
        self.specContext = context
        self.cgroups = cgroups
    }

    /// Finds the shim: the given path, `HEROPROC_SHIM`, or the directory of this program.
    static func findShim(_ explicitPath: String?, environment: [String: String]) throws(LinuxError) -> String {
        if let explicitPath { return absolutePath(explicitPath) }
        if let named = environment["HEROPROC_SHIM"], !named.isEmpty { return absolutePath(named) }
        guard let own = realPath("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
            throw LinuxError(cannot: "find the shim", because: "the path of this program is unknown; set HEROPROC_SHIM")
        }
        let sibling = own[..<slash] + "/hpshim"
        guard access(String(sibling), X_OK) == 0 else {
            throw LinuxError(
                cannot: "find the shim",
                because: "there is no \(sibling); put hpshim there, or name it in HEROPROC_SHIM"
            )
        }
        return String(sibling)
    }

    /// Returns the context for a failure of this launch.
    private func makeFailureContext(_ launch: ResolvedLaunch) -> StartFailureContext {
        let request = launch.request
        return StartFailureContext(
            candidates: launch.candidates,
            workingDirectory: request.workingDirectory,
            log: specContext.paths.logs + "/" + request.logFile,
            script: specContext.paths.script(of: request.start.job),
            record: specContext.paths.record(of: request.start.job),
            rights: request.rights,
            sandbox: request.sandbox
        )
    }

    /// Prepares a start: creates its cgroup and its spec, and reserves a descriptor for the pidfd of its shim.
    ///
    /// `account` is the account that the rights of the request name.
    func prepare(_ request: LaunchRequest, as account: Account?) throws(StartError) -> PreparedStart {
        var launch = try ResolvedLaunch(request, as: account)
        if request.rights.isStrict {
            launch.candidates = try TrustedProgram.trustedCandidates(launch.candidates, in: request.workingDirectory)
        }
        let cgroup = try cgroups.create(request.start, request.rights.limits)
        do throws(StartError) {
            try checkLogDirectory(request.logFile)
            let spec = try makeSpec(of: launch, in: cgroup)
            let reserved = try reserveDescriptor(for: request.isRestart ? .restart : .firstStart)
            hero_failpoint(FP_ST_3)
            return PreparedStart(launch: launch, spec: spec, reserved: reserved)
        } catch {
            cgroups.remove(request.start)
            throw error
        }
    }

    private func makeSpec(of launch: ResolvedLaunch, in cgroup: StartCgroups.Placement?) throws(StartError)
        -> Descriptor
    {
        defer { specEncoder.wipe() }
        try specEncoder.encode(launch, specContext, in: cgroup)
        let number = specEncoder.bytes.withUnsafeBytes { hl_sealed_memfd($0.baseAddress, $0.count) }
        guard number >= 0 else { throw makeError("create the spec of the start", 0 &- number) }
        do { return try raiseDescriptor(number, "duplicate a descriptor") } catch {
            throw makeError(error.task, error.number)
        }
    }

    /// Starts a shim by executing its program.
    func spawn(_ start: PreparedStart) throws(StartError) -> Child {
        let pid = withArguments("hpshim", start.title) {
            hl_spawn_shim(executablePath, $0, nullDevice.number, start.spec.number, noticePipe.number)
        }
        do throws(StartError) {
            guard pid > 0 else { throw makeError("spawn \(path)", 0 &- pid) }
            return try makeChild(of: start, pid)
        } catch {
            cgroups.remove(start.request.start)
            throw error
        }
    }

    /// Returns the shim of a start from its PID.
    ///
    /// Only this process reaps its children, so the PID still means this child, dead or alive.
    func makeChild(of start: PreparedStart, _ pid: Int32) throws(StartError) -> Child {
        hero_failpoint(FP_ST_4)
        start.releaseReservedDescriptor()
        var pidfd = hl_pidfd_open(pid)
        // Another thread may have taken the descriptor.
        for _ in 0..<1000 where pidfd == -EMFILE || pidfd == -ENFILE {
            hl_sleep(1_000_000)
            pidfd = hl_pidfd_open(pid)
        }
        guard pidfd >= 0 else { throw makeError("open the shim's pidfd", 0 &- pidfd) }
        return Child(
            pid: pid,
            pidfd: Descriptor(pidfd),
            failureContext: makeFailureContext(start.launch),
            programProblem: TrustedProgram.problem(start.launch)
        )
    }

    /// Removes what was prepared for a start that will not happen.
    func discard(_ start: PreparedStart) { cgroups.remove(start.request.start) }

    /// Starts `hpshim fork-server`.
    ///
    /// - Parameter socket: The end of a message pair for its requests.
    /// - Returns: Its PID, or a negated errno.
    func spawnForkServer(_ socket: Descriptor) -> Int32 {
        // The padding reserves memory for the argument of each shim.
        withArguments("hpshim", "fork-server", String(repeating: " ", count: Int(HERO_TITLE_SIZE))) {
            hl_spawn_shim(executablePath, $0, nullDevice.number, socket.number, noticePipe.number)
        }
    }

    /// Starts `hpshim drain`, which reads the pipes of a program that has lost its shim.
    ///
    /// - Parameters:
    ///   - request: Where to store the output.
    ///   - output: The standard output of the program; nil if it cannot be opened.
    ///   - errors: The standard error of the program; nil if it cannot be opened.
    /// - Returns: The PID, the pidfd, and the stop pipe: closing it makes the process finish.
    /// - Throws: If file descriptors are short, or the log directory is not trusted.
    func spawnDrain(
        _ request: OutputCaptureRequest,
        _ output: Descriptor?,
        _ errors: Descriptor?
    ) throws(StartError) -> (pid: Int32, pidfd: Descriptor, stopPipe: Descriptor) {
        try checkLogDirectory(request.logFile)
        guard FileDescriptors.allow(.restart) else { throw makeError("read its pipes", EMFILE) }
        var (writeEnd, readEnd): (Int32, Int32) = (-1, -1)
        let result = hl_pipe(&readEnd, &writeEnd, 4096)
        guard result >= 0 else { throw makeError("create a pipe", 0 &- result) }
        let stopPipe = Descriptor(writeEnd)
        let end: Descriptor
        do { end = try raiseDescriptor(readEnd, "duplicate a descriptor") } catch {
            throw makeError(error.task, error.number)
        }
        let limits = [String(min(max(request.log.keep, 0), 99)), String(max(0, request.log.maxSize))]
        let pid = withArguments("hpshim", "drain", limits[0], limits[1], "\(specContext.paths.logs)/\(request.logFile)")
        {
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
        // A process without a pidfd finishes when its stop pipe is closed, and is reaped like an orphan.
        guard pidfd >= 0 else { throw makeError("open a pidfd", 0 &- pidfd) }
        return (pid, Descriptor(pidfd), stopPipe)
    }

    /// The path shows the shim's name in `ps`.
    ///
    /// If the file was replaced, the descriptor opened at the start is used.
    private var executablePath: String {
        hl_same_file(path, shimFile.number) == 1 ? path : "/proc/self/fd/\(shimFile.number)"
    }

    /// Throws if an untrusted user could redirect the logs (FS-1, FS-2).
    ///
    /// A full disk does not prevent a start; an untrusted log directory does.
    private func checkLogDirectory(_ logFile: String) throws(StartError) {
        let path = specContext.paths.logs + "/" + logFile
        // The log file itself is always a new file; an existing file of that name is renamed.
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? path
        do throws(PathProblem) { try PathTrust.current.check(folder) } catch {
            throw StartError(.log, EPERM, error.text)
        }
    }

    private func reserveDescriptor(for use: FileDescriptorBudget.Use) throws(StartError) -> Descriptor {
        guard FileDescriptors.allow(use) else { throw makeError("start a shim", EMFILE) }
        let number = hl_duplicate_descriptor(nullDevice.number, 10)
        guard number >= 0 else { throw makeError("start a shim", 0 &- number) }
        return Descriptor(number)
    }

    private func makeError(_ task: String, _ number: Int32) -> StartError {
        StartError(.launch, number, "cannot \(task): \(errorText(number))")
    }
}

/// Moves a descriptor to a number above those that a shim is started with, so that no duplicate overwrites it.
func raiseDescriptor(_ number: Int32, _ task: String) throws(LinuxError) -> Descriptor {
    let descriptor = Descriptor(number)
    guard number < 10 else { return descriptor }
    return Descriptor(try check(hl_duplicate_descriptor(number, 10), task))
}

/// Calls a closure with a C argument list.
func withArguments(
    _ arguments: String...,
    body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) -> Int32 {
    withArgumentList(arguments, body: body)
}

/// Calls a closure with a C argument list.
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
