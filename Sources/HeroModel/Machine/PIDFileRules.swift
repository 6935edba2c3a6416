/// Decides whether a PID file is accepted (PF-1).
///
/// Each text completes a sentence that begins with the path of the file.
public enum PIDFileRules {
    /// The largest PID file in bytes; programs such as PostgreSQL write more lines behind the number.
    public static let maximumSize = 4096

    /// Returns why a file is no acceptable PID file, whatever it contains; nil if it may be one.
    public static func problem(_ file: FileFacts) -> String? {
        guard file.kind == .regular else { return "is not a regular file" }
        guard file.linkCount == 1 else { return "has several hard links" }
        guard !file.isGroupOrWorldWritable else { return "can be written by its group or by all users" }
        return nil
    }

    /// Returns why the owner of a file, or its folder, is not trusted; nil if both are.
    ///
    /// - Parameters:
    ///   - file: The facts of the PID file.
    ///   - folder: The facts of its folder; nil if that cannot be read.
    ///   - trusted: The trusted owners: root, the user of heroproc, and the user of the named process.
    /// - Returns: The reason as a text.
    public static func ownerProblem(_ file: FileFacts, folder: FileFacts?, trusted: Set<UInt32>) -> String? {
        guard trusted.contains(file.owner) else { return "belongs to the user \(file.owner)" }
        guard let folder, trusted.contains(folder.owner), !folder.isGroupOrWorldWritable || folder.isSticky else {
            return "is in a folder where other users can replace it"
        }
        return nil
    }

    /// Reads the PID in a file.
    ///
    /// - Parameters:
    ///   - bytes: The content; nil if it is longer than `maximumSize` or cannot be read.
    ///   - size: The size of the file in bytes.
    /// - Returns: The PID.
    /// - Throws: Why the content is no PID.
    public static func pid(in bytes: [UInt8]?, size: Int64) throws(Rejection) -> Int32 {
        guard size > 0 else { throw Rejection(reason: "is empty") }
        guard size <= maximumSize, let bytes else { throw Rejection(reason: "is too large for a PID file") }
        guard let pid = parse(bytes) else { throw Rejection(reason: "contains no PID") }
        return pid
    }

    /// Returns why no start removes a file, whatever program has written it; nil if a start may remove it.
    ///
    /// - Parameters:
    ///   - file: The facts of the file.
    ///   - bytes: The content; nil if it is longer than `maximumSize` or cannot be read.
    ///   - size: The size of the file in bytes.
    /// - Returns: The reason as a text.
    public static func removalProblem(_ file: FileFacts, _ bytes: [UInt8]?, size: Int64) -> String? {
        guard file.kind == .regular else { return "is not a regular file" }
        guard size <= maximumSize else { return "is larger than 4 KiB" }
        guard let bytes else { return "cannot be read" }
        return parse(bytes) == nil ? "has no PID in its first line" : nil
    }

    /// Why a PID file is not accepted.
    public struct Rejection: Error, Hashable, Sendable {
        /// The reason as a text.
        public var reason: String

        /// Creates a rejection.
        public init(reason: String) { self.reason = reason }
    }

    /// Parses the decimal digits of the first line, with blanks around them; the other lines have no meaning.
    public static func parse(_ bytes: [UInt8]) -> Int32? {
        var digits = bytes.prefix { $0 != 10 }
        while let last = digits.last, blanks.contains(last) { digits.removeLast() }
        while let first = digits.first, blanks.contains(first) { digits.removeFirst() }
        guard (1...10).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
            let number = Int32(String(decoding: digits, as: UTF8.self)), number >= 2
        else { return nil }
        return number
    }

    /// Space, tab and carriage return.
    private static let blanks: Set<UInt8> = [32, 9, 13]
}
