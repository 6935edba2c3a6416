// Rule: system calls, and nothing that could be called a decision.
//
// HeroLinux implements the protocol `Kernel` on a real machine, and what the command line needs of that machine. It
// performs
// requests and reports facts; other modules decide.

import Glibc

/// An operation that failed.
public struct LinuxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation: a verb and its object, such as `open /var/lib/heroproc`.
    public var task: String
    /// The errno; 0 if only `cause` describes the error.
    public var number: Int32
    /// The cause as a text for users.
    public var cause: String

    /// An error with an errno.
    public init(cannot task: String, _ number: Int32) {
        self.task = task
        self.number = number
        cause = errorText(number)
    }

    /// An error that heroproc itself has detected.
    public init(cannot task: String, because cause: String) {
        self.task = task
        number = 0
        self.cause = cause
    }

    /// `cannot open /x: Permission denied`.
    public var description: String { "cannot \(task): \(cause)" }
}

/// Returns the text of an errno, as strerror(3) does.
func errorText(_ number: Int32) -> String {
    if number == EFBIG { return "File too large for the limit of file sizes (`ulimit -f`)" }
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}

/// Returns the result of a C function; throws if it is a negated errno.
@discardableResult
func check(_ result: Int32, _ task: @autoclosure () -> String) throws(LinuxError) -> Int32 {
    guard result < 0 else { return result }
    throw LinuxError(cannot: task(), 0 &- result)
}

/// An open file descriptor, closed when its last reference is released.
final class Descriptor: Sendable {
    /// The number of the descriptor.
    let number: Int32

    /// Takes ownership of an open descriptor.
    init(_ number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}
