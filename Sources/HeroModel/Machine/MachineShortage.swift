/// The error numbers (errno(3), Linux) that report a shortage of the machine and no error of a program or a file.
public enum MachineShortage {
    /// ENOMEM, ENFILE, EMFILE and ENOBUFS.
    private static let resources: Set<Int32> = [12, 23, 24, 105]
    /// EAGAIN, ETXTBSY, ENOSPC, ETIMEDOUT and EDQUOT.
    private static let others: Set<Int32> = [11, 26, 28, 110, 122]

    /// Whether the kernel lacks memory, descriptors or buffers.
    public static func isOfResources(_ number: Int32) -> Bool { resources.contains(number) }

    /// Whether the machine lacks anything for a moment, or did not respond in time: a later attempt can succeed.
    public static func isTransient(_ number: Int32) -> Bool { resources.contains(number) || others.contains(number) }
}
