import CHeroLinux
import Glibc

/// The terminal of this process.
public enum Terminal {
    /// Whether a descriptor (1 is standard output, 2 standard error) is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The width in columns; nil if the descriptor is no terminal or its width is unknown.
    public static func width(_ descriptor: Int32) -> Int? {
        let width = hl_terminal_width(descriptor)
        return width > 0 ? Int(width) : nil
    }
}
