extension Unicode.Scalar {
    /// Whether the character controls a terminal or changes how other text appears.
    ///
    /// These are control characters (C0, DEL, C1), line and paragraph separators, and characters that change the text
    /// direction; they can disguise a text (CVE-2021-25743, CVE-2021-42574).
    public var isTerminalControl: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0: true
        case 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
