/// The paths of checkouts: each commit has a directory of its own below the state directory.
///
/// Paths inside a checkout are compared without the commit, so that a new commit alone changes no service.
public enum CheckoutPath {
    /// The end of the folder that contains the checkouts, with slashes around.
    public static let folder = "/git/checkouts/"
    /// What stands in place of the commit in comparable texts.
    static let placeholder = "COMMIT"

    /// Whether a text is a full commit ID: 40 or 64 lower-case hexadecimal digits.
    public static func isCommit(_ text: some StringProtocol) -> Bool {
        let bytes = text.utf8
        guard bytes.count == 40 || bytes.count == 64 else { return false }
        return bytes.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// Whether a path without commits leads into a checkout.
    public static func containsCommit(_ path: String) -> Bool { path.contains(folder + placeholder) }

    /// A text in which every commit in a path of a checkout is replaced by the same word.
    public static func withoutCommits(_ text: String) -> String {
        // Almost no value contains such a path, so the usual case allocates nothing.
        guard text.utf8.contains(UInt8(ascii: "/")), text.utf8.count >= folder.utf8.count + 40 else { return text }
        let bytes = Array(text.utf8)
        let folder = Array(Self.folder.utf8)
        var result: [UInt8] = []
        var start = 0
        var index = 0
        while index + folder.count <= bytes.count {
            guard bytes[index] == folder[0], bytes[index..<(index + folder.count)].elementsEqual(folder) else {
                index += 1
                continue
            }
            let first = index + folder.count
            let digits = bytes[first...].prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\"") }.prefix(65)
            guard isCommit(String(decoding: digits, as: UTF8.self)) else {
                index = first
                continue
            }
            result += bytes[start..<first]
            result += Array(placeholder.utf8)
            start = first + digits.count
            index = start
        }
        guard start > 0 else { return text }
        result += bytes[start...]
        return String(decoding: result, as: UTF8.self)
    }
}
