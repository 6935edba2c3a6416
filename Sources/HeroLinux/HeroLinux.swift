// Law: system calls, and nothing that could be called a decision.
//
// HeroLinux is the protocol `Kernel` on a real machine, and what the command line needs of that machine. What
// happens is reported, what is ordered is done; which of it is right is decided elsewhere.

import Glibc

/// Something the machine refused.
public struct LinuxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried: a verb and its object, such as `open /var/lib/heroproc`.
    public var task: String
    /// The kernel's error number; 0 when the cause is in `cause`.
    public var number: Int32
    /// The cause in words.
    public var cause: String

    /// An error of the kernel.
    public init(cannot task: String, _ number: Int32) {
        self.task = task
        self.number = number
        cause = errorText(number)
    }

    /// An error of ours.
    public init(cannot task: String, because cause: String) {
        self.task = task
        number = 0
        self.cause = cause
    }

    /// `cannot open /x: Permission denied`.
    public var description: String { "cannot \(task): \(cause)" }
}

/// The words for an error number, as strerror(3) has them.
func errorText(_ number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}

/// Passes a result of a C helper on, or throws what it stands for.
@discardableResult
func check(_ result: Int32, _ task: @autoclosure () -> String) throws(LinuxError) -> Int32 {
    guard result < 0 else { return result }
    throw LinuxError(cannot: task(), 0 &- result)
}

/// An open file, closed when nobody holds it any more.
final class Descriptor: Sendable {
    /// Its number.
    let number: Int32

    /// Takes over an open descriptor.
    init(_ number: Int32) {
        self.number = number
    }

    deinit {
        close(number)
    }
}
