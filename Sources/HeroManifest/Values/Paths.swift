/// Normalises paths as text, without access to the file system.
enum Paths {
    /// The maximum length of a path in bytes: `PATH_MAX` without the terminating zero (limits.h).
    static let maxBytes = 4095
    /// The maximum length of a socket path in bytes: `sun_path` without the terminating zero (unix(7)).
    static let maxSocketBytes = 107

    /// Returns an absolute path without `.`, `..` and empty components; a relative path is resolved in a directory.
    static func absolute(_ path: String, in directory: String) -> String {
        let isAbsolute = path.utf8.first == UInt8(ascii: "/")
        if isNormalized(path), isAbsolute || isNormalized(directory) {
            return isAbsolute ? path : "\(directory)/\(path)"
        }
        var parts: [Substring] = []
        func add(_ text: String) {
            for part in text.split(separator: "/") where part != "." {
                if part == ".." {
                    _ = parts.popLast()
                } else {
                    parts.append(part)
                }
            }
        }
        if !isAbsolute { add(directory) }
        add(path)
        return "/" + parts.joined(separator: "/")
    }

    /// Whether certainly no component is `.`, `..` or empty; true for most paths, which need no further work.
    private static func isNormalized(_ path: String) -> Bool {
        let slash = UInt8(ascii: "/")
        guard path.utf8.last != slash, path.utf8.first != UInt8(ascii: ".") else { return false }
        var previous: UInt8 = 0
        for byte in path.utf8 {
            if previous == slash, byte == slash || byte == UInt8(ascii: ".") { return false }
            previous = byte
        }
        return true
    }
}
