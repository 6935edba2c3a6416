internal import GRDB

extension Schema {
    /// Adds the git repository of a revision; the commit has a column already.
    static let versionFour = """
        ALTER TABLE revisions ADD COLUMN repository TEXT;
        ALTER TABLE revisions ADD COLUMN git_ref TEXT;
        ALTER TABLE revisions ADD COLUMN git_path TEXT;
        ALTER TABLE revisions ADD COLUMN git_author TEXT;
        ALTER TABLE revisions ADD COLUMN git_subject TEXT;
        ALTER TABLE revisions ADD COLUMN git_signer TEXT;
        """

    /// A view for the columns that older versions do not have, for connections that only read.
    static let versionFourViews = """
        CREATE TEMP VIEW revisions AS SELECT *, NULL AS repository, NULL AS git_ref, NULL AS git_path,
            NULL AS git_author, NULL AS git_subject, NULL AS git_signer, NULL AS goes_back_to FROM main.revisions;
        """
}
