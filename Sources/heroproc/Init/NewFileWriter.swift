import Glibc

/// Writes files that must not exist yet: all of them, or none.
enum NewFileWriter {
    /// Writes the files and creates their directories.
    ///
    /// - Throws: `CommandError` for the first file that cannot be written; the files before it are removed again.
    static func write(_ files: [(path: String, text: String)]) throws(CommandError) {
        var made: [String] = []
        do {
            for file in files {
                try makeFolders(of: file.path, &made)
                made.append(file.path)
                try write(file.text, to: file.path, &made)
            }
        } catch {
            // `rmdir` refuses a directory that another process has used meanwhile.
            for path in made.reversed() where unlink(path) != 0 { rmdir(path) }
            throw error
        }
    }

    private static func makeFolders(of path: String, _ made: inout [String]) throws(CommandError) {
        let parts = path.split(separator: "/").dropLast()
        for count in parts.indices.map({ $0 + 1 }) {
            let folder = (path.hasPrefix("/") ? "/" : "") + parts.prefix(count).joined(separator: "/")
            if mkdir(folder, 0o755) == 0 {
                made.append(folder)
            } else if errno != EEXIST {
                throw makeError(folder)
            }
        }
    }

    private static func write(_ text: String, to path: String, _ made: inout [String]) throws(CommandError) {
        // O_EXCL keeps a file that another process has created meanwhile.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            made.removeLast()
            throw makeError(path)
        }
        var failure = StandardStreams.write(Array(text.utf8), to: descriptor)
        // Some file systems report a full disk only here.
        if close(descriptor) != 0, failure == nil { failure = errno }
        if let failure { throw makeError(path, failure) }
    }

    private static func makeError(_ path: String, _ error: Int32 = errno) -> CommandError {
        CommandError("cannot write \(path): \(String(cString: strerror(error)))", help: "nothing was changed")
    }
}
