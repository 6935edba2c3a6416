import CHeroLinux
import Glibc
import HeroModel
import Synchronization

/// Reads value files with the rights of the user of an action, in a helper process with a deadline.
///
/// A file of that user may be on a mount that never responds, and a link of that user may lead to a file that only root
/// may read. A file without a response is not read again for a minute.
final class UserFileReader: Sendable {
    private struct Key: Hashable {
        var path: String
        var uid: UInt32
    }

    private let helper: HelperProgram?
    private let limit: Duration
    private let unresponsive = Mutex<[Key: Int64]>([:])
    private static let retryInterval: Int64 = 60_000_000_000

    /// The reader of this process.
    static let shared = UserFileReader()

    /// Creates a reader; the default helper program is the one that reads facts about processes.
    init(_ helper: HelperProgram? = nil, limit: Duration = .seconds(1)) {
        self.helper = helper
        self.limit = limit
    }

    /// Reads a file as this account.
    func read(_ path: String, as account: Account) throws(ValueFile.ReadError) -> [UInt8] {
        let now = hl_boot_clock()
        let key = Key(path: path, uid: account.uid)
        let isUnresponsive = unresponsive.withLock { files in
            files = files.filter { now &- $0.value < Self.retryInterval }
            return files[key] != nil
        }
        let failure = ValueFile.ReadError(
            number: ETIMEDOUT,
            cause: "the file system did not respond in time; it is read again after a minute"
        )
        guard !isUnresponsive else { throw failure }
        var error: Int32 = 0
        let arguments = UserFileReply.arguments(path, account)
        guard let process = (helper ?? ProcessReader.helperProgram).start(arguments, &error) else {
            throw ValueFile.ReadError(number: error, cause: "it cannot be read as its user: \(errorText(error))")
        }
        var bytes: [UInt8] = []
        let isComplete = process.readReply(into: &bytes, until: now &+ limit.wholeNanoseconds)
        process.end(tries: 2)
        guard isComplete else {
            unresponsive.withLock { $0[key] = now }
            throw failure
        }
        guard let result = UserFileReply.decode(bytes) else {
            throw ValueFile.ReadError(number: EIO, cause: "it cannot be read as its user")
        }
        return try result.get()
    }
}

/// The helper program that reads one file as another user, and the format of its reply.
///
/// The reply is `+` and the content, or `-`, the errno, a blank and the cause.
public enum UserFileReply {
    /// The first argument that makes heroproc act as this helper program.
    public static let subcommand = "read-user-file"

    static func arguments(_ path: String, _ account: Account) -> [String] {
        let groups = account.groups.map(String.init).joined(separator: ",")
        return [subcommand, String(account.uid), String(account.gid), groups, path]
    }

    /// Gives up the rights of root, reads the file that the arguments name, and writes the reply to standard output.
    ///
    /// - Returns: The exit code.
    public static func printContent(_ arguments: [String]) -> Int32 {
        guard arguments.count == 4, let uid = UInt32(arguments[0]), let gid = UInt32(arguments[1]) else { return 64 }
        let groups = arguments[2].split(separator: ",").compactMap { UInt32($0) }
        guard setgroups(groups.count, groups) == 0, setgid(gid) == 0, setuid(uid) == 0, geteuid() == uid else {
            return 1
        }
        var reply: [UInt8]
        do throws(ValueFile.ReadError) {
            reply = [UInt8(ascii: "+")] + (try ValueFile.read(arguments[3]))
        } catch {
            reply = Array("-\(error.number) \(error.cause)".utf8)
        }
        var done = 0
        while done < reply.count {
            let count = reply[done...].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return 1 }
            done += max(0, count)
        }
        return 0
    }

    static func decode(_ bytes: [UInt8]) -> Result<[UInt8], ValueFile.ReadError>? {
        switch bytes.first {
        case UInt8(ascii: "+"): return .success(Array(bytes.dropFirst()))
        case UInt8(ascii: "-"):
            let parts = String(decoding: bytes.dropFirst(), as: UTF8.self)
                .split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let number = Int32(parts[0]) else { return nil }
            return .failure(ValueFile.ReadError(number: number, cause: String(parts[1])))
        default: return nil
        }
    }
}
