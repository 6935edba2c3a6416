import CHeroLinux
import Glibc
import HeroModel

/// The file descriptors of this process.
enum FileDescriptors {
    /// How many descriptors this process can still open.
    static var available: Int { Int(hl_available_descriptors()) }

    /// Whether a use of descriptors is allowed now (RX-1).
    static func allow(_ use: FileDescriptorBudget.Use) -> Bool {
        FileDescriptorBudget.allows(use, available: available)
    }

    /// Why no file can be opened at this moment: EMFILE, ENFILE or ENOMEM; nil if a file can be opened.
    static var openError: Int32? {
        let number = hl_open_path("/")
        guard number >= 0 else { return 0 &- number }
        close(number)
        return nil
    }

    /// Whether an errno reports a shortage of resources, and not a refusal of the other side.
    static func isShortage(_ number: Int32) -> Bool { [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(number) }
}
