import Glibc
import HeroModel

/// The format in which a lookup process reports its result through a pipe.
///
/// The fields end in NUL. The last field is `.`, so that a truncated reply is detected.
public enum AccountLookupReply {
    /// The first argument that makes heroproc act as a lookup process.
    public static let subcommand = "look-up-account"

    /// The arguments after the program name for the lookup of an account.
    static func arguments(_ query: Account.Query) -> [String] {
        [subcommand, query.user.map { "=\($0)" } ?? "", query.group.map { "=\($0)" } ?? ""]
    }

    /// The arguments for the lookup of a user entry by number in any user database of the machine.
    static func arguments(ofUser uid: UInt32) -> [String] { [subcommand, "#\(uid)", ""] }

    /// Looks up the account that the arguments name, and writes the reply to standard output.
    ///
    /// - Returns: The exit code.
    public static func printReply(to arguments: [String]) -> Int32 {
        guard arguments.count == 2 else { return 64 }
        let bytes = encode(
            Result { () throws(StartError) in
                if arguments[0].hasPrefix("#"), let uid = UInt32(arguments[0].dropFirst()) {
                    return Account(uid: uid, gid: uid, groups: [], entry: Account.databaseEntry(uid))
                }
                let names = arguments.map { $0.hasPrefix("=") ? String($0.dropFirst()) : nil }
                return try Account.resolve(.init(user: names[0], group: names[1]))
            }
        )
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return 1 }
            done += max(0, count)
        }
        return 0
    }

    static func encode(_ result: Result<Account, StartError>) -> [UInt8] {
        let fields: [String]
        switch result {
        case .success(let account):
            let numbers = ([account.uid, account.gid] + account.groups).map { String($0) }.joined(separator: " ")
            fields = ["account", numbers] + (account.entry.map { [$0.name, $0.home, $0.shell] } ?? [])
        case .failure(let refusal):
            fields = ["refusal", String(refusal.failure.errno), refusal.failure.detail]
        }
        return (fields + ["."]).flatMap { Array($0.utf8) + [0] }
    }

    /// Decodes a reply; returns nil for a malformed or truncated one.
    static func decode(_ bytes: [UInt8]) -> Result<Account, StartError>? {
        guard bytes.last == 0 else { return nil }
        var fields = bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard fields.popLast() == ".", fields.count >= 2 else { return nil }
        switch fields[0] {
        case "account" where fields.count == 2 || fields.count == 5:
            let numbers = fields[1].split(separator: " ").compactMap { UInt32($0) }
            guard numbers.count >= 2 else { return nil }
            var account = Account(uid: numbers[0], gid: numbers[1], groups: Array(numbers.dropFirst(2)))
            if fields.count == 5 { account.entry = .init(name: fields[2], home: fields[3], shell: fields[4]) }
            return .success(account)
        case "refusal" where fields.count == 3:
            return .failure(StartError(.user, Int32(fields[1]) ?? 0, fields[2]))
        default:
            return nil
        }
    }
}
