import CHeroLinux
import Glibc
import HeroModel

/// The file descriptors of this process.
public enum FileDescriptors {
    /// Throws if the hard limit of open files is too low for a reconciler, which could not even accept a client.
    public static func requireSufficientLimit() throws(LinuxError) {
        var (soft, hard): (Int64, Int64) = (-1, -1)
        guard hl_resource_limit(Int32(HL_LIMIT_FILES), &soft, &hard) == 0, hard >= 0,
            hard < FileDescriptorBudget.minimumLimit
        else { return }
        throw LinuxError(
            cannot: "run a reconciler",
            because: "the limit of open files is \(hard), and it needs \(FileDescriptorBudget.minimumLimit); "
                + "raise the hard limit (`ulimit -Hn`)"
        )
    }

    /// Raises the soft limit of open files to the hard limit, for a command that reads many files.
    public static func raiseLimit() {
        var before: UInt = 0
        _ = hl_raise_open_file_limit(&before)
    }

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
}
