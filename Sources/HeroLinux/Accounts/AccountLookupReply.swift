import Glibc
import HeroModel

/// The words that a lookup of an account answers with, from the process that asks the machine's databases to the one that waits for it.
///
/// Fields that end in a NUL; the last one is `.`, so that an answer which was cut off is none.
public enum AccountLookupReply {
    /// The first argument of a program that is asked for one.
    public static let subcommand = "look-up-account"

    /// What follows the program's name when it is asked for an account.
    static func arguments(_ question: Account.Query) -> [String] {
        [subcommand, question.user.map { "=\($0)" } ?? "", question.group.map { "=\($0)" } ?? ""]
    }

    /// The same for the entry of a user by number, wherever the machine keeps it.
    static func arguments(ofUser uid: UInt32) -> [String] { [subcommand, "#\(uid)", ""] }

    /// Looks up what the arguments ask for and writes the answer to standard output; the code to leave with.
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

    /// Reads an answer; nil when it is none, or not all of one.
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
