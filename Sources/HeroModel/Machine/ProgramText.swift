/// What the first bytes of a program file are.
///
/// When the kernel cannot execute a file, it reports only "No such file or directory" or "Exec format error"
/// (execve(2)). The bytes tell why.
public enum ProgramText: Hashable, Sendable {
    /// The file has no bytes.
    case empty
    /// A script: its interpreter, without the carriage return that a line end CR LF adds to it.
    case script(interpreter: String, hasCarriageReturn: Bool)
    /// A script with a byte order mark before its `#!`, which the kernel does not skip.
    case markedScript
    /// Text without a `#!` line.
    case text
    /// Anything else, such as an ELF file.
    case binary

    /// How many bytes decide; the kernel reads as many of a `#!` line.
    public static let length = 256

    /// Classifies a file by its first bytes.
    public init(_ bytes: some Sequence<UInt8>) {
        let start = Array(bytes.prefix(Self.length))
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        if start.isEmpty {
            self = .empty
        } else if start.starts(with: Array("#!".utf8)) {
            let line = start.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
            let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            var name = line.drop(while: isBlank).prefix { !isBlank($0) }
            let hasCarriageReturn = name.last == UInt8(ascii: "\r")
            if hasCarriageReturn { name.removeLast() }
            self = .script(
                interpreter: String(decoding: name, as: UTF8.self),
                hasCarriageReturn: hasCarriageReturn
            )
        } else if start.starts(with: mark + Array("#!".utf8)) {
            self = .markedScript
        } else {
            self = start.contains(0) || start.starts(with: [0x7F] + Array("ELF".utf8)) ? .binary : .text
        }
    }
}
