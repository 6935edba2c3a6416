import Glibc

/// The user databases of the machine.
public enum UserDatabase {
    /// The name of the user of this process; its number if it has no name.
    public static var currentUserName: String { entry(geteuid())?.name ?? String(geteuid()) }

    /// Returns the entry of a user.
    ///
    /// If `/etc/passwd` has none, a lookup process asks the other databases within a time limit.
    static func entry(_ uid: UInt32) -> Account.Entry? {
        if let local = Account.localEntry(uid) { return local.entry }
        return HelperProgram.find(environment: [:], shim: nil).entry(of: uid, within: AccountLookups.timeout)
    }
}
