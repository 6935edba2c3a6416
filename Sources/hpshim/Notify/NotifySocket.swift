import CHeroRecord
import CHeroShim

/// The socket on which a program says how it is (sd_notify(3)); there is one for each start that is asked for it.
///
/// It belongs to the shim, so that nothing that is said is lost while no reconciler lives. Only who belongs to the tree of this
/// start is believed: the kernel says who sent, and `/proc` or the cgroup whose child that is.
struct NotifySocket {
    private(set) var descriptor: Int32 = -1
    /// What it is bound to, in memory that stays; nil where nobody is to speak.
    private let address: UnsafePointer<CChar>?
    private let shimPID = shim_own_pid()

    /// `name` as a spec has it, in memory that stays.
    init(_ name: UnsafePointer<CChar>?) {
        self.address = name
    }

    /// Binds the socket; 0 or an errno.
    ///
    /// A program that runs as root may give that up and still has a word to say; any other one stays who it is, and nobody else
    /// need be let in.
    mutating func open(for rights: hero_rights) -> Int32 {
        guard let address else { return 0 }
        let changes = rights.changes_user != 0
        let isRoot = changes ? rights.uid == 0 : shim_is_root() != 0
        let result = shim_notify_open(address, changes ? Int64(rights.uid) : -1, isRoot ? 0o666 : 0o600)
        guard result >= 0 else { return -result }
        descriptor = result
        return 0
    }

    /// Takes the next message in; nil when there is none.
    func receive(_ containment: Containment) -> Datagram? {
        guard descriptor >= 0 else { return nil }
        var sender: Int32 = 0
        let bytes = shim_message()
        var length = shim_notify_receive(descriptor, bytes, Int(SHIM_MESSAGE_SIZE), &sender)
        guard length >= 0 || length == -Int(SHIM_EMSGSIZE) else { return nil }
        guard isJobProcess(sender, containment) else { return .foreignSender }
        // A text in C ends with one; inside of a message it would hide what follows.
        if length > 0, bytes[length - 1] == 0 { length -= 1 }
        guard length > 0, shim_first_nul(bytes, length) == nil else { return .malformed }
        return .text(UnsafePointer(bytes), length)
    }

    /// Whether a process is one of this start's: below the shim, or in its cgroup.
    ///
    /// What has ended counts as long as its parent has not taken that in. After that there is nothing left to prove it by.
    func isJobProcess(_ pid: Int32, _ containment: Containment) -> Bool {
        pid > 1 && (shim_is_descendant(pid, shimPID) == 1 || containment.contains(pid))
    }

    /// Nobody is heard any more, and the name is free.
    mutating func close() {
        guard descriptor >= 0 else { return }
        shim_close(descriptor)
        descriptor = -1
        if let address, address[0] == 0x2f { _ = shim_remove(address) }
    }

    /// One datagram.
    enum Datagram {
        /// Its lines, in static memory until the next one is taken.
        case text(UnsafePointer<CChar>, Int)
        /// One of ours sent what is too long, empty or no text.
        case malformed
        /// Its sender is not, or not provably, of this tree.
        case foreignSender
    }
}
