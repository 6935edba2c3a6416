import Glibc
import HeroConvert

/// The files that `import` reads.
enum ImportSource {
    /// The maximum number of bytes that are read from a file: one more than an import accepts.
    private static let maxBytes = (1 << 20) + 1

    /// Reads a file.
    ///
    /// - Throws: `CommandError` if it cannot be read or is not a regular file.
    static func read(_ path: String) throws(CommandError) -> [UInt8] {
        // O_NONBLOCK: opening a FIFO would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CommandError("cannot read \(path): it is not a regular file", help: "nothing was written")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < maxBytes {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, errno) }
            if count == 0 { break }
            bytes += buffer.prefix(count)
        }
        return bytes
    }

    /// Returns the path from the output directory to the directory of a file.
    ///
    /// Without an output directory, the manifests are meant for `services.d` next to the file.
    static func directory(of file: String, from out: String?) -> String {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        guard let out else { return ".." }
        let from = absolute(out)
        let to = absolute(file.hasPrefix("/") && folder.isEmpty ? "/" : folder.isEmpty ? "." : folder)
        let shared = zip(from, to).prefix { $0 == $1 }.count
        // A relative path survives a move of the whole project; across unrelated directories it would only confuse.
        guard shared > 0, from.count - shared <= 3 else { return "/" + to.joined(separator: "/") }
        let parts = Array(repeating: "..", count: from.count - shared) + to[shared...]
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }

    /// Refuses to write files that exist.
    static func refuseToOverwrite(_ paths: [String]) throws(CommandError) {
        for path in paths {
            var status = stat()
            guard lstat(path, &status) != 0 else {
                throw CommandError(
                    "cannot write \(path): the file exists already",
                    help: "select another directory with --out; nothing was written"
                )
            }
        }
    }

    /// The components of a path as an absolute one, without `.` and `..`.
    private static func absolute(_ path: String) -> [String] {
        var text = path
        if !path.hasPrefix("/"), let here = getcwd(nil, 0) {
            text = String(cString: here) + "/" + path
            free(here)
        }
        var parts: [String] = []
        for part in text.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
        }
        return parts
    }

    private static func failure(_ path: String, _ error: Int32) -> CommandError {
        CommandError("cannot read \(path): \(String(cString: strerror(error)))", help: "nothing was written")
    }
}
