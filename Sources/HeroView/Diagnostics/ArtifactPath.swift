/// The name of a file in annotations: relative to the working directory of the tool that shows them.
struct ArtifactPath {
    /// The absolute working directory; nil if it is unknown.
    let base: String?

    /// The path relative to the directory if the file is inside it, else the path unchanged.
    func relative(_ path: String) -> String {
        var text = path[...]
        if let base, base != "/", text.hasPrefix(base + "/") { text = text.dropFirst(base.utf8.count + 1) }
        while text.hasPrefix("./") { text = text.dropFirst(2) }
        return text.isEmpty ? "." : String(text)
    }

    /// The path as a URI reference (RFC 3986): relative if possible, else `file:///...`.
    func uri(_ path: String) -> String {
        let text = relative(path)
        var result = text.hasPrefix("/") ? "file://" : ""
        for byte in text.utf8 {
            if Self.plain.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.utf8.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }

    /// The unreserved characters of RFC 3986 and the slash; a colon is escaped because it would end a URI scheme.
    private static let plain = Set(
        Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
    )
}
