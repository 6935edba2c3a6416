import CHeroLinux
import CHeroRecord
import Glibc
import HeroKernel
import HeroModel
import Synchronization

/// Checks whether programs could start now, without starting them.
///
/// Only certain reasons count: what this process may not look at, and a user that cannot be looked up in time, is no
/// problem.
struct StartCheck {
    /// Whether user names are looked up, which may take as long as `lookupTimeout`.
    let looksUpUsers: Bool
    private var accounts: [Account.Query: Lookup] = [:]

    private typealias Lookup = Result<Account, StartError>?

    /// How long a lookup of a user may take.
    private static let lookupTimeout = Duration.seconds(2)

    init(looksUpUsers: Bool) {
        self.looksUpUsers = looksUpUsers
    }

    /// Returns why a start would fail; nil if no reason is certain.
    mutating func problem(of request: LaunchRequest) -> StartFailure? {
        let failure: StartFailure
        // The files of another user may be readable only for that user.
        let isUserUnknown = !looksUpUsers && !(Account.Query(request.rights)?.isNumeric ?? true)
        do throws(StartError) {
            let launch = try ResolvedLaunch(request, as: try account(of: request.rights))
            try Self.checkDirectory(request.workingDirectory, madeBy: request.folders)
            return Self.programProblem(launch)
        } catch {
            failure = error.failure
        }
        if isUserUnknown, failure.stage == .environment { return nil }
        return Self.isCertain(failure.errno) ? failure : nil
    }

    /// Whether an error says something about the machine, and not about the rights of this process or about the moment.
    private static func isCertain(_ number: Int32) -> Bool {
        [0, ENOENT, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, ENXIO].contains(number)
    }

    private mutating func account(of rights: Rights) throws(StartError) -> Account? {
        guard let query = Account.Query(rights), looksUpUsers || query.isNumeric else { return nil }
        let lookup = accounts[query] ?? Self.lookUp(query)
        accounts[query] = lookup
        return try lookup?.get()
    }

    /// Looks up an account in another thread; nil if that takes too long.
    private static func lookUp(_ query: Account.Query) -> Lookup {
        final class Reply: Sendable {
            let result = Mutex<Lookup>(nil)
        }
        let reply = Reply()
        let error = startThread {
            let found: Result<Account, StartError>
            do throws(StartError) { found = .success(try Account.resolve(query)) } catch { found = .failure(error) }
            reply.result.withLock { $0 = found }
        }
        guard error == 0 else { return nil }
        let deadline = hl_boot_clock() &+ lookupTimeout.wholeNanoseconds
        while hl_boot_clock() < deadline {
            if let result = reply.result.withLock({ $0 }) { return result }
            hl_sleep(1_000_000)
        }
        return nil
    }

    private static func checkDirectory(_ path: String, madeBy folders: [Folder]) throws(StartError) {
        var file = stat()
        guard stat(path, &file) == 0 else {
            // The start makes its folders first.
            let isMade = folders.contains { $0.path == path || $0.path.hasPrefix(path + "/") }
            if errno == ENOENT, isMade { return }
            throw StartError(.directory, errno, "\(path): \(errorText(errno))")
        }
        guard file.st_mode & S_IFMT == S_IFDIR else {
            throw StartError(.directory, ENOTDIR, "\(path): \(errorText(ENOTDIR))")
        }
    }

    /// Returns why none of the candidates can be executed by any user.
    private static func programProblem(_ launch: ResolvedLaunch) -> StartFailure? {
        let candidates = launch.candidates.map { path in
            path.hasPrefix("/") ? path : "\(launch.request.workingDirectory)/\(path)"
        }
        var error = ENOENT
        for path in candidates {
            var file = stat()
            guard stat(path, &file) == 0 else {
                guard errno == ENOENT || errno == ENOTDIR else { return nil }
                continue
            }
            let isExecutable = file.st_mode & S_IFMT == S_IFREG && file.st_mode & 0o111 != 0
            if isExecutable { return formatError(path).map { failure($0, [path], launch) } }
            error = EACCES
        }
        return failure(error, launch.candidates, launch)
    }

    /// The error with which the kernel refuses a file; nil when it may execute it.
    private static func formatError(_ path: String) -> Int32? {
        guard let bytes = readFile(path, limit: ProgramText.length) else { return nil }
        switch ProgramText(bytes) {
        case .empty: return ENOEXEC
        case .script(let name, let hasCarriageReturn):
            guard name.hasPrefix("/") else { return nil }
            var file = stat()
            return stat(hasCarriageReturn ? name + "\r" : name, &file) != 0 && errno == ENOENT ? ENOENT : nil
        case .markedScript, .text:
            // The machine may have interpreters for other files.
            let formats = listDirectory("/proc/sys/fs/binfmt_misc") ?? []
            return formats.contains { $0 != "register" && $0 != "status" } ? nil : ENOEXEC
        case .binary: return nil
        }
    }

    private static func failure(_ number: Int32, _ candidates: [String], _ launch: ResolvedLaunch) -> StartFailure {
        let context = StartFailureContext(
            candidates: candidates,
            workingDirectory: launch.request.workingDirectory,
            log: "",
            script: "",
            record: "",
            rights: launch.request.rights
        )
        return makeStartFailure(HERO_STAGE_EXECUTE.rawValue, number, context)
    }
}
