import ArgumentParser
import Glibc

/// Writes all output of heroproc to the standard streams.
enum StandardStreams {
    /// Prepares the descriptors 0, 1 and 2; runs before any file is opened.
    ///
    /// The reader of a pipe may exit first: a write then fails with EPIPE instead of ending the process. If a standard
    /// descriptor is closed, the next opened file would get its number and receive the output. So a placeholder occupies
    /// it. A write to the placeholder of standard output fails, because a result must not be lost in silence.
    static func prepare() {
        signal(SIGPIPE, SIG_IGN)
        // A write beyond the limit of file sizes is an error like any other.
        signal(SIGXFSZ, SIG_IGN)
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is the one that is closed.
            if open("/dev/null", descriptor == 1 ? O_RDONLY : O_RDWR) < 0 { _ = open("/", O_RDONLY) }
        }
    }

    /// Writes all bytes.
    ///
    /// - Returns: the number of the error that prevented it; nil without one.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent)
                if count > 0 {
                    sent += count
                } else if count == 0 {
                    return EIO
                } else if errno == EAGAIN {
                    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&entry, 1, -1)
                } else if errno != EINTR {
                    return errno
                }
            }
            return nil
        }
    }

    /// The message for a result that cannot be written; nil if the reader has exited, which the user knows.
    static func resultFailure(_ error: Int32) -> String? {
        error == EPIPE ? nil : "cannot write the result: \(String(cString: strerror(error)))"
    }
}

extension ParsableCommand {
    /// Ends the process as the argument parser does: with the help text, the version or a completion script as a result,
    /// or with a usage error.
    static func exit(writing error: any Error) -> Never {
        let code = exitCode(for: error).rawValue
        let text = fullMessage(for: error)
        guard !text.isEmpty else { Glibc.exit(code) }
        let failure = StandardStreams.write(Array((text + "\n").utf8), to: code == 0 ? 1 : 2)
        guard code == 0, let failure, let message = StandardStreams.resultFailure(failure) else { Glibc.exit(code) }
        Output.writeMessage("error: \(message)\n")
        Glibc.exit(ExitCode.refused.rawValue)
    }
}
