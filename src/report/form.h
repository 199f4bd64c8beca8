/* In which form a verb prints: text for people, JSON or CSV for machines. */
#ifndef JB_REPORT_FORM_H
#define JB_REPORT_FORM_H

enum jb_form { JB_FORM_TEXT, JB_FORM_JSON, JB_FORM_CSV };

#endif
