import CHeroLinux
import Glibc

/// Descriptors: how many are left, and what each use of them leaves to the others (reliability.md RX-1).
///
/// What is supervised must be seen to whatever else happens, so the loop's own work comes first, then starts, then
/// clients; but one client is always let in, or nobody could mend anything.
enum FileDescriptorBudget {
    /// What bringing back what has died leaves: the loop looks at processes, sockets and files, writes its store, and runs
    /// commands.
    static let restartReserve = 8
    /// What a first start leaves.
    static let startReserve = 16
    /// What taking up a start that runs leaves: starting again what has died comes first.
    static let adoptionReserve = 24
    /// What a further client leaves.
    static let clientReserve = 32
    /// What the only client leaves.
    static let onlyClientReserve = 2

    /// How many descriptors this process may still open.
    static var available: Int { Int(hl_available_descriptors()) }

    /// Why nothing can be opened at this moment: EMFILE, ENFILE or ENOMEM; nil when something can.
    static var openError: Int32? {
        let number = hl_open_path("/")
        guard number >= 0 else { return 0 &- number }
        close(number)
        return nil
    }

    /// Whether an error says that something was lacking here, not that somebody refused.
    static func isExhaustion(_ number: Int32) -> Bool { [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(number) }
}
