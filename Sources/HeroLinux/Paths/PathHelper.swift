import Glibc
import HeroModel

/// The helper program that makes the directories and the log links of actions, and the format of its reply.
///
/// A directory may be on a file system that never responds, so this is never done in the reconciler itself. The reply has
/// one line for each task: `+`, or `-`, the errno, a blank and the cause.
public enum PathHelper {
    /// The first argument that makes heroproc act as this helper program.
    public static let subcommand = "make-paths"

    /// The arguments for some tasks of an action that runs as this account; nil is the user of heroproc.
    static func arguments(_ tasks: [PathTask], _ account: Account?) -> [String] {
        let groups = (account?.groups ?? []).map(String.init).joined(separator: ",")
        let rights = account.map { [String($0.uid), String($0.gid), groups] } ?? ["", "", ""]
        return [subcommand] + rights + tasks.flatMap(\.arguments)
    }

    /// Performs the tasks that the arguments name, and writes the reply to standard output.
    ///
    /// - Returns: The exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        guard arguments.count > 3, let tasks = PathTask.decode(arguments.dropFirst(3)) else { return 64 }
        var account: Account?
        if let uid = UInt32(arguments[0]), let gid = UInt32(arguments[1]) {
            let groups = arguments[2].split(separator: ",").compactMap { UInt32($0) }
            account = Account(uid: uid, gid: gid, groups: groups, entry: nil)
        }
        umask(0)
        var reply = ""
        for task in tasks {
            do throws(PathWalk.Failure) {
                try task.perform(as: account)
                reply += "+\n"
            } catch {
                reply += "-\(error.number) \(error.cause.replacing("\n", with: " "))\n"
            }
        }
        var bytes = reply.utf8[...]
        while !bytes.isEmpty {
            let count = bytes.withContiguousStorageIfAvailable { write(1, $0.baseAddress, $0.count) } ?? -1
            guard count > 0 || errno == EINTR else { return 1 }
            bytes = bytes.dropFirst(max(0, count))
        }
        return 0
    }

    /// Decodes a reply: for each task its failure, or nil; nil as a whole if it is not complete.
    static func decode(_ bytes: [UInt8], count: Int) -> [PathWalk.Failure?]? {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.count == count else { return nil }
        return lines.map { line in
            guard line.first == "-" else { return nil }
            let parts = line.dropFirst().split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            return PathWalk.Failure(Int32(parts.first ?? "") ?? 0, String(parts.last ?? ""))
        }
    }
}
