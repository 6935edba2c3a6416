/// How tools that show mistakes beside the source want a file named: relative to the folder they work in.
struct ArtifactPath {
    /// The folder, absolute; nil when it is not known.
    let base: String?

    /// The path below the folder where it lies there, else as it was given.
    func relative(_ path: String) -> String {
        var text = path[...]
        if let base, base != "/", text.hasPrefix(base + "/") { text = text.dropFirst(base.utf8.count + 1) }
        while text.hasPrefix("./") { text = text.dropFirst(2) }
        return text.isEmpty ? "." : String(text)
    }

    /// The path as a URI reference (RFC 3986): relative where it can be, else `file:///...`.
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

    /// What RFC 3986 calls unreserved, and the slash; a colon would look like the end of a scheme.
    private static let plain = Set(
        Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
    )
}
