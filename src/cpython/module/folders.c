/* Why: the standard library and installed packages are in other folders for each interpreter, so
 * the process that is recorded looks for them. */
#include "folders.h"

#include "fields.h"
#include "origin.h"

/* Takes the folder; NULL is an error. */
static int take_folder(PyObject *list, PyObject *folder)
{
    int has = folder != NULL ? PySequence_Contains(list, folder) : -1;
    int failed = has < 0 || (has == 0 && PyList_Append(list, folder) != 0);
    Py_XDECREF(folder);
    return failed ? -1 : 0;
}

/* Returns whether a text ends in `end`. */
static int ends_in(PyObject *text, const char *end)
{
    PyObject *suffix = PyUnicode_FromString(end); /* owned */
    Py_ssize_t found =
        suffix != NULL ? PyUnicode_Tailmatch(text, suffix, 0, PY_SSIZE_T_MAX, 1) : -1;
    Py_XDECREF(suffix);
    return found == 1;
}

/* Adds the library folders below a prefix of sys, in lib and lib64. */
static int add_prefix_folders(PyObject *list, const char *name)
{
    PyObject *prefix = PySys_GetObject(name); /* borrowed */
    if (prefix == NULL || !PyUnicode_Check(prefix)) {
        return 0;
    }
    const char *slash = ends_in(prefix, "/") ? "" : "/";
    for (int i = 0; i < 2; i++) {
        if (take_folder(list, PyUnicode_FromFormat("%U%s%s/" COMPAT_LIBRARY_FOLDER "/", prefix,
                                                   slash, i == 0 ? "lib" : "lib64")) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Adds the folders of sys.path in which packages are installed. */
static int add_package_folders(PyObject *list)
{
    PyObject *path = PySys_GetObject("path"); /* borrowed */
    for (Py_ssize_t i = 0; path != NULL && PyList_Check(path) && i < PyList_GET_SIZE(path); i++) {
        PyObject *folder = PyList_GET_ITEM(path, i); /* borrowed */
        if (PyUnicode_Check(folder) &&
            (ends_in(folder, "site-packages") || ends_in(folder, "dist-packages")) &&
            take_folder(list, PyUnicode_FromFormat("%U/", folder)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The folder of a module's file, with its slash: new; NULL with an exception where it has none. */
static PyObject *find_module_folder(PyObject *module)
{
    PyObject *file = PyObject_GetAttrString(module, "__file__"); /* owned */
    PyObject *folder = NULL;
    if (file != NULL && PyUnicode_Check(file)) {
        Py_ssize_t slash = PyUnicode_FindChar(file, '/', 0, PyUnicode_GET_LENGTH(file), -1);
        folder = PyUnicode_Substring(file, 0, slash + 1);
    } else if (file != NULL) {
        PyErr_SetString(PyExc_TypeError, "a module's __file__ is no str");
    }
    Py_XDECREF(file);
    return folder;
}

/* That of the module `os`, which may be somewhere else than sys.prefix says. */
static int add_standard_folder(PyObject *list)
{
    PyObject *os = fields_module("os");                            /* borrowed */
    PyObject *folder = os != NULL ? find_module_folder(os) : NULL; /* owned by take_folder() */
    if (folder == NULL) {
        PyErr_Clear();
        return 0;
    }
    return take_folder(list, folder);
}

PyObject *folders_of_libraries(void)
{
    static const char *const prefixes[] = {"prefix", "base_prefix", "exec_prefix",
                                           "base_exec_prefix"};
    PyObject *list = PyList_New(0);
    int failed = list == NULL || add_standard_folder(list) != 0;
    for (size_t i = 0; !failed && i < sizeof prefixes / sizeof *prefixes; i++) {
        failed = add_prefix_folders(list, prefixes[i]) != 0;
    }
    if (failed || add_package_folders(list) != 0 || PyList_Sort(list) != 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* Names that are no UTF-8 are left out: no code object's file is compared with them. */
static void pass_folder(PyObject *folder, void (*teller)(const char *))
{
    const char *text = PyUnicode_AsUTF8(folder);
    if (text != NULL) {
        teller(text);
    } else {
        PyErr_Clear();
    }
}

int folders_exclude_own(void)
{
    PyObject *package = fields_module("relive");                          /* borrowed */
    PyObject *own = package != NULL ? find_module_folder(package) : NULL; /* owned */
    if (own == NULL) {
        return -1;
    }
    pass_folder(own, origin_exclude);
    Py_DECREF(own);
    return 0;
}

void folders_know(PyObject *folders)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(folders); i++) {
        pass_folder(PyList_GET_ITEM(folders, i), origin_add_library);
    }
}
